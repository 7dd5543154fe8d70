"""What votes know of labels, on opinions whose worth is known."""

from pathlib import Path

import numpy as np
import pytest
from face_datasets import small_dataset, with_votes
from trained_models import write_trained

from fer.report.votes import joined, votes_table
from fer.sections import Compare

SETTINGS = Compare(bootstrap=50, seed=5, sample_faces=7)


def opinions(labels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Sure of the label where it is seen; elsewhere nothing is known."""
    return np.where(seen[:, None], 0.01 + 0.97 * np.eye(3)[labels], 1 / 3).astype(np.float32)


def test_two_opinions_that_know_of_other_images_know_of_both() -> None:
    rng = np.random.default_rng(0)
    labels, asked = rng.integers(0, 3, 900), rng.integers(0, 3, 600)
    first, second = rng.random(900) < 0.5, rng.random(600) < 0.5
    both = joined(
        labels,
        (opinions(labels, first), opinions(labels, ~first)),
        (opinions(asked, second), opinions(asked, ~second)),
    )
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-5)
    assert (both.argmax(axis=1) == asked).all()


def test_an_opinion_that_knows_nothing_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    labels, asked = rng.integers(0, 3, 900), rng.integers(0, 3, 600)
    known, good = opinions(labels, rng.random(900) < 0.8), opinions(asked, rng.random(600) < 0.8)
    noise = [rng.dirichlet([2, 2, 2], size).astype(np.float32) for size in (900, 600)]
    both = joined(labels, (known, noise[0]), (good, noise[1])).argmax(axis=1)
    sure = good.max(axis=1) > 0.5
    assert (both[sure] == asked[sure]).all()


def test_the_table_has_votes_the_model_and_both(tmp_path: Path) -> None:
    dataset = with_votes(small_dataset(train=30, held_out=30))
    folder = write_trained(tmp_path, dataset, "mini")
    table = votes_table(folder, dataset, SETTINGS)
    assert table["predictions from"].tolist() == ["FER+'s ten votes", "Mini", "both"]
    accuracies = [float(text.split()[0]) for text in table["test accuracy"]]
    assert accuracies[1] == pytest.approx(folder.metrics["test_ten_views.accuracy"], abs=5e-4)
    assert min(accuracies[0], accuracies[2]) > 0.9, "four of ten votes are for the label"
    assert (table["without copied images"] == table["test accuracy"]).all(), "no image has a copy"
