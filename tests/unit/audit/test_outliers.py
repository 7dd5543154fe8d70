"""Outliers: what is unlike all else, copies of it too."""

import cv2
import numpy as np
import pandas as pd
import pytest

from fer.audit.flaws import odd_sizes
from fer.audit.outliers import outlier_scores, outliers


def clouds() -> np.ndarray:
    """Two clouds of 300 points, and five points far from both, of which the last two are copies."""
    rng = np.random.default_rng(0)
    ones = rng.normal(size=(2, 40)).repeat(300, axis=0) + 0.3 * rng.normal(size=(600, 40))
    lonely = rng.normal(size=(4, 40))
    return np.concatenate([ones, lonely, lonely[-1:]])


def test_lonely_points_are_outliers_and_a_copy_does_not_hide_one():
    group = np.arange(605)
    group[604] = 603
    scores = outlier_scores(clouds(), group)
    assert np.flatnonzero(outliers(scores)).tolist()[-5:] == [600, 601, 602, 603, 604]
    assert outliers(scores)[:600].mean() < 0.02
    assert scores[603] == scores[604]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_images_are_no_outliers_of_each_other(count):
    points = np.random.default_rng(1).normal(size=(count, 8))
    assert outlier_scores(points, np.arange(count)).shape == (count,)
    assert not outliers(outlier_scores(np.ones((count, 8)), np.arange(count))).any()


def test_files_of_another_order_of_size_are_odd():
    widths = [96, 100, 104] * 20 + [20, 900, 130]
    table = pd.DataFrame({"source_width": widths, "source_height": widths})
    assert np.flatnonzero(odd_sizes(table)).tolist() == [60, 61]


def test_the_size_of_files_comes_from_a_folder(tmp_path):
    from fer.data.folder_source import read_folder

    for emotion in ("happy", "sad"):
        (tmp_path / emotion).mkdir()
        for number in range(2):
            cv2.imwrite(f"{tmp_path}/{emotion}/{number}.png", np.full((60, 30 + number, 3), 40 * number, np.uint8))
    table = read_folder(tmp_path).table
    assert table["source_width"].tolist() == [30, 31, 30, 31]
    assert set(table["source_height"]) == {60}
