import numpy as np
import pytest
from face_datasets import small_dataset
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from trained_models import write_trained

from fer.evaluation.abstention import FEWEST, choose_thresholds, lower_bound, thresholds_of
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.inference.classifier import above_thresholds
from fer.report.model_tables import abstention_table

PRECISION = 0.8
#: Label, prediction, its probability, and how many of them.
COUNTED = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 2), st.sampled_from([0.45, 0.55, 0.65, 0.75, 0.85, 0.95]), st.integers(1, 60)
    ),
    min_size=1,
)


def rows_of(rows: list[tuple[int, int, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of rows of label, prediction and confidence."""
    labels = np.array([label for label, _, _ in rows])
    probabilities = np.array([np.where(np.arange(3) == predicted, sure, (1 - sure) / 2) for _, predicted, sure in rows])
    return labels, probabilities


def test_every_band_that_is_called_certain_is_right_often_enough() -> None:
    """The defect: 200 sure and right predictions of a class made its unsure ones, mostly wrong, certain."""
    rows = [(0, 0, 0.95)] * 200 + [(0, 0, 0.55)] * 12 + [(1, 0, 0.55)] * 18
    assert lower_bound(np.array(212), np.array(230)) > PRECISION, "all together they are right often enough"
    np.testing.assert_array_equal(choose_thresholds(*rows_of(rows), PRECISION), [0.9, 1, 1])


def test_the_floor_is_the_lowest_band_from_which_on_all_are_right() -> None:
    rows = [(0, 0, sure) for sure in (0.55, 0.65, 0.75, 0.85, 0.95) for _ in range(25)]
    np.testing.assert_array_equal(choose_thresholds(*rows_of(rows), PRECISION), [0.5, 1, 1])
    gap = [row for row in rows if row[2] != 0.75]
    np.testing.assert_array_equal(choose_thresholds(*rows_of(gap), PRECISION), [0.8, 1, 1], "a band without evidence")
    lower = [(0, 0, 0.45)] * 200 + rows
    np.testing.assert_array_equal(choose_thresholds(*rows_of(lower), PRECISION), [0.5, 1, 1], "never below a half")


def test_a_class_may_need_more_than_the_floor() -> None:
    rows = [(0, 0, 0.95)] * 40 + [(0, 0, 0.85)] * 40 + [(1, 1, 0.95)] * 30 + [(1, 1, 0.85)] * 15 + [(0, 1, 0.85)] * 15
    thresholds = choose_thresholds(*rows_of(rows), PRECISION)
    np.testing.assert_allclose(thresholds, [0.8, 0.85, 1], err_msg="of class 1 45 of 60 are right; 2 is not predicted")


def test_few_predictions_promise_nothing() -> None:
    """A class's luckiest few would be chosen: 19 of 19 are too few."""
    assert choose_thresholds(*rows_of([(0, 0, 0.95)] * (FEWEST - 1)), precision=0.8)[0] == 1
    assert choose_thresholds(*rows_of([(0, 0, 0.95)] * FEWEST), precision=0.8)[0] == 0.9


def test_the_lower_bound_is_the_exact_one() -> None:
    bounds = lower_bound(np.array([0, 9, 90]), np.array([9, 9, 100]))
    expected = [0.0] + [
        binomtest(right, given).proportion_ci(0.90, "exact").low for right, given in ((9, 9), (90, 100))
    ]
    np.testing.assert_allclose(bounds, expected, rtol=1e-6, err_msg="one-sided 95 % is the end of the two-sided 90 %")


@given(COUNTED, st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_what_is_accepted_is_correct_often_enough_in_every_class_and_band(
    counted: list[tuple[int, int, float, int]], precision: float
) -> None:
    labels, probabilities = rows_of([row[:3] for row in counted for _ in range(row[3])])
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    thresholds = choose_thresholds(labels, probabilities, precision)
    accepted = above_thresholds(probabilities, thresholds)
    assert (thresholds >= 0.5).all()
    bands = [accepted & (confidence >= low) & (confidence < low + 0.1) for low in np.arange(0, 1, 0.1)]
    for part in (*bands, *(accepted & (predicted == code) for code in range(3))):
        if part.any():
            assert part.sum() >= FEWEST
            assert lower_bound((labels == predicted)[part].sum(), part.sum()) >= precision


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
