from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import history

from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.figures.training import comparison, confusion_matrix, learning_curves, sample_predictions

MATRIX = np.random.default_rng(3).integers(0, 900, (7, 7))
FACES = small_dataset(train=1, held_out=1).images[:7]


def curves(path: Path, title: str = "Baseline on small faces", best: int = 2, epochs: int = 4) -> None:
    learning_curves(pd.DataFrame(history(epochs)), best, title, path)


def matrix(path: Path, title: str = "Baseline on small faces, test", matrix: np.ndarray = MATRIX) -> None:
    confusion_matrix(matrix, EMOTIONS[: len(matrix)], title, path)


def samples(path: Path, title: str = "small faces, test", wrong: int = 0, models: int = 1) -> None:
    predicted = list(EMOTIONS)
    predicted[:wrong] = ["neutral"] * wrong
    sample_predictions(FACES, list(EMOTIONS), {f"model {n}": predicted for n in range(models)}, title, path)


FIGURES = [curves, matrix, samples]


def picture_of(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_the_same_bytes_on_every_run(figure: Callable[..., None], tmp_path: Path) -> None:
    figure(tmp_path / "first.png")
    figure(tmp_path / "second.png")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["first.png", "second.png"]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_shows_its_title_at_the_top(figure: Callable[..., None], tmp_path: Path) -> None:
    figure(tmp_path / "one.png")
    figure(tmp_path / "other.png", title="FER-2013")
    rows = np.flatnonzero((picture_of(tmp_path / "one.png") != picture_of(tmp_path / "other.png")).any(axis=(1, 2)))
    assert rows.size > 0
    assert rows.max() < 80


def test_curves_show_the_kept_epoch_and_take_a_single_one(tmp_path: Path) -> None:
    curves(tmp_path / "second.png", best=2)
    curves(tmp_path / "third.png", best=3)
    changed = (picture_of(tmp_path / "second.png") != picture_of(tmp_path / "third.png")).any(axis=2)
    assert changed[120:550].any()
    curves(tmp_path / "one.png", best=1, epochs=1)
    assert picture_of(tmp_path / "one.png").shape == (640, 1400, 3)


@pytest.mark.parametrize("classes", [2, len(FIVE_EMOTIONS), 7])
def test_a_confusion_matrix_is_as_large_as_its_classes_and_blank_rows_are_no_error(
    tmp_path: Path, classes: int
) -> None:
    counts = MATRIX[:classes, :classes].copy()
    counts[0] = 0
    matrix(tmp_path / "matrix.png", matrix=counts)
    assert picture_of(tmp_path / "matrix.png").shape == (105 * classes + 260, max(105 * classes + 200, 900), 3)


def test_a_confusion_matrix_is_dark_where_its_row_goes(tmp_path: Path) -> None:
    counts = np.array([[90, 10], [50, 50]])
    matrix(tmp_path / "matrix.png", matrix=counts)
    cell = 105
    corners = picture_of(tmp_path / "matrix.png")[110 + 5 :: cell, 150 + 5 :: cell].astype(int).sum(axis=2)[:2, :2]
    assert corners[0, 0] < corners[1, 0] < corners[0, 1]
    assert corners[1, 0] == corners[1, 1]


def test_sample_predictions_show_every_pixel_of_a_face_and_wrong_predictions_in_red(tmp_path: Path) -> None:
    samples(tmp_path / "right.png")
    samples(tmp_path / "wrong.png", wrong=3)
    right, wrong = picture_of(tmp_path / "right.png").astype(int), picture_of(tmp_path / "wrong.png").astype(int)
    below = slice(100 + 130 + 50, None)  # under the labels, which have the emotions' own colours
    assert not red(right[below]).any()
    left = wrong.shape[1] - len(FACES) * (130 + 14) - 30
    columns = np.flatnonzero(red(wrong[below]).any(axis=0))
    assert columns.min() > left - 20
    assert columns.max() < left + 3 * (130 + 14)
    enlarged = wrong[100:230, left : left + 130, 0].astype(np.uint8)
    face = cv2.resize(enlarged, (48, 48), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(face.ravel(), FACES[0].ravel())[0, 1] > 0.95


def test_every_model_has_a_line(tmp_path: Path) -> None:
    samples(tmp_path / "one.png")
    samples(tmp_path / "three.png", models=3)
    assert picture_of(tmp_path / "three.png").shape[0] - picture_of(tmp_path / "one.png").shape[0] == 80


LONG = "MobileNet (VGGFace2) (distilled)"


def test_the_longest_name_has_room_beside_the_faces(tmp_path: Path) -> None:
    sample_predictions(FACES, list(EMOTIONS), {LONG: list(EMOTIONS)}, "", tmp_path / "samples.png")
    assert margin(tmp_path / "samples.png") == pytest.approx(30, abs=3)


def test_the_longest_name_has_room_beside_the_comparison(tmp_path: Path) -> None:
    row = {f"test.{name}": 0.5 for name in (*(f"f1.{emotion}" for emotion in EMOTIONS), "macro_f1", "accuracy")}
    table = pd.DataFrame([row | {"title": LONG, "weights": "vggface2", "params": 3e6, "latency_ms": 2.0}])
    comparison(table, EMOTIONS, "", "", tmp_path / "comparison.png")
    assert margin(tmp_path / "comparison.png") == pytest.approx(30, abs=3)


def margin(path: Path) -> int:
    """White columns at the left of a picture, its titles aside."""
    return int(np.flatnonzero((picture_of(path)[110:] < 200).any(axis=(0, 2)))[0])


def red(picture: np.ndarray) -> np.ndarray:
    """Where a BGR picture has the ink of a wrong prediction."""
    return (picture[..., 2] - picture[..., 0] > 90) & (picture[..., 2] - picture[..., 1] > 90)
