from pathlib import Path

import numpy as np
import pytest
from face_datasets import small_dataset
from hypothesis import given
from hypothesis import strategies as st
from trained_models import write_trained

from fer.abstention import abstention_table, choose_thresholds, thresholds_of
from fer.inference.classifier import above_thresholds
from fer.outputs import ModelFolder

CONFIDENCES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([0.4, 0.5, 0.6, 0.7, 0.8, 0.9])), min_size=1
)


def answers_of(rows: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of rows of label, answer and confidence."""
    labels = np.array([label for label, _, _ in rows])
    probabilities = np.array([np.where(np.arange(3) == answer, sure, (1 - sure) / 2) for _, answer, sure in rows])
    return labels, probabilities


def test_the_lowest_threshold_that_keeps_the_precision() -> None:
    rows = [(0, 0, 0.9), (0, 0, 0.8), (1, 0, 0.7), (0, 0, 0.6), (1, 0, 0.5), (1, 1, 0.4)]
    thresholds = choose_thresholds(*answers_of(rows), precision=0.75)
    np.testing.assert_allclose(thresholds, [0.5, 0, 1], err_msg="three of four; all; never answered")


@given(CONFIDENCES, st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_what_stands_is_right_often_enough_and_one_answer_more_would_not_be(
    rows: list[tuple[int, int, float]], precision: float
) -> None:
    labels, probabilities = answers_of(rows)
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    thresholds = choose_thresholds(labels, probabilities, precision)
    stand = above_thresholds(probabilities, thresholds)
    for code in range(3):
        standing = stand & (answers == code)
        if standing.any():
            assert (labels[standing] == code).mean() >= precision
        for lower in set(confidence[(answers == code) & ~stand]):
            wider = (answers == code) & (confidence >= lower)
            assert (labels[wider] == code).mean() < precision


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_trained(tmp_path_factory.mktemp("models"), small_dataset(train=2, held_out=6))


def test_a_models_thresholds_come_from_its_validation_answers(folder: ModelFolder) -> None:
    thresholds = thresholds_of(folder, 0.2)
    np.testing.assert_array_equal(list(thresholds.values()), choose_thresholds(*folder.scored("validation"), 0.2))
    assert tuple(thresholds) == folder.classes


def test_the_table_says_how_many_answers_stand_and_how_good_they_are(folder: ModelFolder) -> None:
    (row,) = abstention_table([folder], 0.2).to_dict("records")
    labels, probabilities = folder.scored("test")
    stand = above_thresholds(probabilities, np.array(list(thresholds_of(folder, 0.2).values())))
    assert 0 < stand.sum() < len(labels)
    assert row["answers that stand"] == f"{stand.mean():.3f}"
    assert row["accuracy of those"] == f"{(probabilities.argmax(axis=1) == labels)[stand].mean():.3f}"


def test_no_answer_stands_where_none_is_good_enough(tmp_path: Path) -> None:
    folder = write_trained(tmp_path, small_dataset(train=2, held_out=6))
    folder.predictions["emotion"] = folder.predictions["emotion"].map(
        dict(zip(folder.classes, folder.classes[1:] + folder.classes[:1], strict=True))
    )
    table = folder.predictions
    table.loc[table["split"] == "validation", "emotion"] = table["predicted"].map(
        dict(zip(folder.classes, folder.classes[1:] + folder.classes[:1], strict=True))
    )
    (row,) = abstention_table([folder], 0.9).to_dict("records")
    assert (row["answers that stand"], row["accuracy of those"]) == ("0.000", "-")
