import numpy as np
import pytest
from face_datasets import small_dataset
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from trained_models import write_trained

from fer.evaluation.abstention import choose_thresholds, lower_bound, thresholds_of
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.inference.classifier import above_thresholds
from fer.report.model_tables import abstention_table

PRECISION = 0.8
CONFIDENCES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([0.4, 0.5, 0.6, 0.7, 0.8, 0.9])), min_size=1
)


def rows_of(rows: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of rows of label, prediction and confidence."""
    labels = np.array([label for label, _, _ in rows])
    probabilities = np.array([np.where(np.arange(3) == predicted, sure, (1 - sure) / 2) for _, predicted, sure in rows])
    return labels, probabilities


def test_the_lowest_threshold_that_keeps_the_precision() -> None:
    rows = [(0, 0, 0.9)] * 40 + [(1, 0, 0.8)] + [(0, 0, 0.7)] * 20 + [(1, 0, 0.6)] * 40 + [(1, 1, 0.4)] * 40
    thresholds = choose_thresholds(*rows_of(rows), precision=0.9)
    np.testing.assert_allclose(thresholds, [0.6, 0, 1], err_msg="60 of 61 are right; all are; never predicted")


def test_few_predictions_promise_nothing() -> None:
    """Nine of nine right ones may well come from a model that is right seven times in ten."""
    assert choose_thresholds(*rows_of([(0, 0, 0.9)] * 9), precision=0.8)[0] == 1
    assert choose_thresholds(*rows_of([(0, 0, 0.9)] * 14), precision=0.8)[0] == 0


def test_the_lower_bound_is_the_exact_one() -> None:
    bounds = lower_bound(np.array([0, 9, 90]), np.array([9, 9, 100]))
    expected = [0.0] + [
        binomtest(right, given).proportion_ci(0.90, "exact").low for right, given in ((9, 9), (90, 100))
    ]
    np.testing.assert_allclose(bounds, expected, rtol=1e-6, err_msg="one-sided 95 % is the end of the two-sided 90 %")


@given(CONFIDENCES, st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_what_is_accepted_is_correct_often_enough_and_one_prediction_more_would_not_be(
    rows: list[tuple[int, int, float]], precision: float
) -> None:
    labels, probabilities = rows_of(rows)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    thresholds = choose_thresholds(labels, probabilities, precision)
    accepted = above_thresholds(probabilities, thresholds)
    for code in range(3):
        accepted_here = accepted & (predicted == code)
        if accepted_here.any():
            assert lower_bound((labels[accepted_here] == code).sum(), accepted_here.sum()) >= precision
        for lower in set(confidence[(predicted == code) & ~accepted]):
            wider = (predicted == code) & (confidence >= lower)
            assert lower_bound((labels[wider] == code).sum(), wider.sum()) < precision


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Surer predictions are correct more often: those of confidence c in a share c of the cases."""
    folder = write_trained(tmp_path_factory.mktemp("models"), small_dataset(train=2, held_out=40))
    table, rng, classes = folder.predictions, np.random.default_rng(0), len(folder.classes)
    labels = table["emotion"].map({name: code for code, name in enumerate(folder.classes)}).to_numpy()
    sure = rng.uniform(0.4, 1, len(table))
    predicted = np.where(
        rng.random(len(table)) < sure, labels, (labels + rng.integers(1, classes, len(table))) % classes
    )
    one_hot = np.eye(classes)[predicted]
    spread = (1 - one_hot) * ((1 - sure) / (classes - 1))[:, None]
    table[[f"p.{name}" for name in folder.classes]] = one_hot * sure[:, None] + spread
    return folder


def test_a_models_thresholds_come_from_its_validation_predictions(folder: ModelFolder) -> None:
    thresholds = thresholds_of(folder.predictions, folder.classes, PRECISION)
    np.testing.assert_array_equal(
        list(thresholds.values()), choose_thresholds(*folder.scored(Split.VALIDATION), PRECISION)
    )
    assert tuple(thresholds) == folder.classes


def test_nothing_is_accepted_where_no_prediction_is_good_enough(folder: ModelFolder) -> None:
    (row,) = abstention_table([folder], 0.99).to_dict("records")
    assert (row["accepted"], row["accuracy of the accepted"]) == ("0.000", "-")
    assert {row[name] for name in folder.classes} == {"never"}
