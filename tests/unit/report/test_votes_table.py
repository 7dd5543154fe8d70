"""What votes know of labels, on opinions whose worth is known."""

from pathlib import Path

import numpy as np
import pytest
from face_datasets import small_dataset, with_values, with_votes
from trained_models import write_trained

from fer.report import votes as report_votes
from fer.report.votes import find_votes, joined
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
    copied = {int(row): True for row in dataset.rows("test")[:50]}
    folder = write_trained(tmp_path, with_values(dataset, "train_copy", copied), "mini")
    found = find_votes(folder, dataset, SETTINGS)
    assert found.table["predictions from"].str.replace(", by the second regression", "").tolist() == [
        "FER+'s ten votes", "Mini", "Mini", "Mini and the votes",
    ]  # fmt: skip
    votes, model, alone, both = (float(text.split()[0]) for text in found.table["test accuracy"])
    assert model == pytest.approx(folder.metrics["test_ten_views.accuracy"], abs=6e-4)
    assert min(votes, both) > 0.9, "four of ten votes are for the label"
    unique = float(found.table["without copied images"][1].split()[0])
    assert unique == pytest.approx(folder.metrics["test_without_copies_ten_views.accuracy"], abs=6e-4)
    assert unique != model
    assert found.mistakes == round((1 - folder.metrics["test_ten_views.accuracy"]) * 210)
    assert found.mistakes - found.mended + found.new == round((1 - both) * 210)
    assert found.gain[0] == pytest.approx(both - alone, abs=1e-3)


def test_test_labels_have_no_part_in_what_is_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = with_votes(small_dataset(train=30, held_out=30))
    folder = write_trained(tmp_path, dataset, "mini")
    results = []
    monkeypatch.setattr(report_votes, "joined", lambda *given: results.append(joined(*given)) or results[-1])
    find_votes(folder, dataset, SETTINGS)
    table = folder.predictions
    test = table.index[table["split"] == "test"]
    table.loc[test, "emotion"] = np.random.default_rng(0).permutation(table.loc[test, "emotion"])
    find_votes(folder, dataset, SETTINGS)
    for before, after in zip(results[:2], results[2:], strict=True):
        np.testing.assert_array_equal(before, after)
