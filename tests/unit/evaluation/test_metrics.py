import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import binom
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

from fer.evaluation.calibration import best_temperature, calibrated_loss, calibration_error
from fer.evaluation.intervals import bootstrap_difference, bootstrap_intervals, f1_intervals
from fer.evaluation.metrics import evaluate, restrict
from fer.evaluation.scores import accuracy_and_macro_f1, confusion, f1_scores


def certain(predicted: list[int], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[predicted]


def random_case(seed: int, count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, count), rng.dirichlet(np.ones(classes), count).astype(np.float32)


def test_metrics_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    metrics = evaluate(labels, certain([0, 0, 1, 1, 1, 0], 3), ("angry", "happy", "sad"))
    # angry: precision 2/3, recall 2/3; happy: precision 2/3, recall 1; sad: never found
    assert metrics == pytest.approx(
        {
            "accuracy": 4 / 6,
            "macro_f1": (2 / 3 + 4 / 5 + 0) / 3,
            "f1.angry": 2 / 3,
            "f1.happy": 4 / 5,
            "f1.sad": 0.0,
            "ece": 2 / 6,
            "support": 6,
        }
    )
    assert all(type(value) is float for value in metrics.values())


def test_the_most_probable_class_is_what_counts() -> None:
    probabilities = np.array([[0.4, 0.35, 0.25], [0.3, 0.3, 0.4]])
    assert accuracy_and_macro_f1(np.array([0, 2]), probabilities)[0] == 1.0


def test_an_absent_class_counts_as_zero_and_does_not_fail() -> None:
    labels = np.array([0, 1, 0, 1])
    metrics = evaluate(labels, certain([0, 1, 0, 1], 3), ("angry", "happy", "sad"))
    assert metrics["f1.sad"] == 0
    assert metrics["macro_f1"] == pytest.approx(2 / 3)
    assert metrics["accuracy"] == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 7))
def test_metrics_agree_with_scikit_learn(seed: int, count: int, classes: int) -> None:
    labels, probabilities = random_case(seed, count, classes)
    predicted = probabilities.argmax(axis=1)
    names = tuple(f"c{code}" for code in range(classes))
    metrics = evaluate(labels, probabilities, names)
    codes = list(range(classes))
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["macro_f1"] == pytest.approx(
        f1_score(labels, predicted, labels=codes, average="macro", zero_division=0)
    )
    assert metrics["macro_f1"] == pytest.approx(np.mean([metrics[f"f1.{name}"] for name in names]))
    np.testing.assert_array_equal(
        confusion(labels, predicted, classes), confusion_matrix(labels, predicted, labels=codes)
    )


def test_rows_of_the_confusion_matrix_are_labels() -> None:
    matrix = confusion(np.array([0, 0, 2]), np.array([1, 1, 2]), 3)
    assert matrix.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_a_calibrated_predictor_has_no_calibration_error() -> None:
    # 10 predictions at confidence 0.7, of which 7 are right
    probabilities = np.tile([0.7, 0.3], (10, 1))
    assert calibration_error(np.array([0] * 7 + [1] * 3), probabilities) == pytest.approx(0, abs=1e-12)


def test_a_large_calibrated_predictor_comes_near_zero() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.5, 1, 200_000)
    labels = (rng.random(len(confidence)) > confidence).astype(int)
    assert calibration_error(labels, np.column_stack([confidence, 1 - confidence])) < 0.005


@pytest.mark.parametrize(("right", "error"), [(50, 0.49), (99, 0.0), (0, 0.99)])
def test_an_overconfident_predictor(right: int, error: float) -> None:
    labels = np.array([0] * right + [1] * (100 - right))
    assert calibration_error(labels, np.tile([0.99, 0.01], (100, 1))) == pytest.approx(error)


def test_certainty_falls_into_the_last_bin() -> None:
    assert calibration_error(np.array([0, 1]), certain([0, 1], 2)) == 0
    assert calibration_error(np.array([1, 0]), certain([0, 1], 2)) == 1


def test_errors_of_two_bins_do_not_cancel() -> None:
    probabilities = np.array([[0.6, 0.4]] * 10 + [[0.9, 0.1]] * 10)
    labels = np.array([0] * 9 + [1] + [0] * 6 + [1] * 4)  # under- and overconfident by 0.3 each
    assert calibration_error(labels, probabilities) == pytest.approx(0.3)


def noisy_matrix(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, count, p=[0.1, 0.2, 0.3, 0.4])
    predicted = np.where(rng.random(count) < 0.7, labels, rng.integers(0, 4, count))
    return confusion(labels, predicted, 4)


def point(matrix: np.ndarray) -> dict[str, float]:
    hits = np.diagonal(matrix)
    return {
        "accuracy": hits.sum() / matrix.sum(),
        "macro_f1": float((2 * hits / (matrix.sum(axis=0) + matrix.sum(axis=1))).mean()),
    }


@pytest.mark.parametrize("count", [60, 600, 6000])
def test_intervals_hold_the_point_estimate(count: int) -> None:
    matrix = noisy_matrix(count)
    intervals = bootstrap_intervals(matrix, 500, seed=1)
    assert set(intervals) == {"accuracy", "macro_f1"}
    for name, (low, high) in intervals.items():
        assert 0 <= low < point(matrix)[name] < high <= 1


def test_intervals_shrink_with_the_root_of_n() -> None:
    widths = [
        [high - low for low, high in bootstrap_intervals(noisy_matrix(count), 2000, seed=1).values()]
        for count in (500, 50_000)
    ]
    assert np.divide(*widths) == pytest.approx(10, rel=0.25)


def test_the_draw_from_the_matrix_is_resampling_of_rows() -> None:
    rng = np.random.default_rng(4)
    matrix = noisy_matrix(400)
    labels, predicted = (np.repeat(codes, matrix.ravel()) for codes in np.indices(matrix.shape).reshape(2, -1))
    drawn = [point(confusion(labels[rows], predicted[rows], 4)) for rows in rng.integers(0, 400, (3000, 400))]
    for name, interval in bootstrap_intervals(matrix, 3000, seed=1).items():
        naive = np.percentile([values[name] for values in drawn], [2.5, 97.5])
        assert interval == pytest.approx(tuple(naive), abs=0.01)


def test_intervals_repeat_by_seed() -> None:
    matrix = noisy_matrix(200)
    assert bootstrap_intervals(matrix, 200, seed=1) == bootstrap_intervals(matrix, 200, seed=1)
    assert bootstrap_intervals(matrix, 200, seed=1) != bootstrap_intervals(matrix, 200, seed=2)


def test_intervals_with_a_class_that_no_label_has() -> None:
    matrix = np.array([[5, 1, 0], [2, 6, 0], [0, 0, 0]])
    low, high = bootstrap_intervals(matrix, 200, seed=0)["macro_f1"]
    assert 0 < low < high < 2 / 3 + 1e-9


def test_a_perfect_model_has_a_point_interval() -> None:
    assert bootstrap_intervals(np.diag([3, 4]), 50, seed=0)["accuracy"] == (1.0, 1.0)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_best_temperature_is_the_one_that_spoilt_the_probabilities(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 4))
    true = softmax(logits, axis=1)
    labels = (true.cumsum(axis=1) > rng.random((len(true), 1))).argmax(axis=1)
    spoilt = softmax(logits * temperature, axis=1).astype(np.float32)
    assert best_temperature(labels, spoilt) == pytest.approx(temperature, rel=0.05)
    calibrated = softmax(np.log(spoilt) / best_temperature(labels, spoilt), axis=1)
    assert calibration_error(labels, calibrated) < 0.015
    np.testing.assert_array_equal(calibrated.argmax(axis=1), spoilt.argmax(axis=1))
    assert calibrated_loss(labels, spoilt) == pytest.approx(log_loss(labels, true), abs=0.005)


def test_a_probability_of_zero_leaves_the_temperature_finite() -> None:
    assert 0.1 <= best_temperature(np.array([0, 1]), np.eye(2, dtype=np.float32)) <= 10
    assert 0.1 <= best_temperature(np.array([1, 0]), np.eye(2, dtype=np.float32)) <= 10


def test_a_restricted_task_has_the_kept_labels_and_compares_the_kept_probabilities() -> None:
    classes, kept = ("angry", "disgust", "fear"), ("angry", "fear")
    probabilities = np.array([[0.1, 0.7, 0.2], [0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    labels, among = restrict(np.array([2, 1, 0]), probabilities, classes, kept)
    assert labels.tolist() == [1, 0]
    np.testing.assert_allclose(among, [[1 / 3, 2 / 3], [0.75, 0.25]])


def test_all_classes_kept_is_the_task_itself() -> None:
    probabilities = np.random.default_rng(1).dirichlet(np.ones(3), 10)
    labels = np.arange(10) % 3
    same, among = restrict(labels, probabilities, ("angry", "fear", "sad"), ("angry", "fear", "sad"))
    np.testing.assert_array_equal(same, labels)
    np.testing.assert_allclose(among, probabilities)


def test_the_difference_of_a_model_to_itself_is_nothing() -> None:
    right = np.arange(50) % 3 == 0
    assert bootstrap_difference(right, right, 100, 1) == (0, 0, 0)


def test_the_interval_of_a_difference_is_that_of_paired_predictions() -> None:
    """900 images in common, 60 that only the first reads, 40 that only the second reads."""
    first = np.repeat([True, True, False], [900, 60, 40])
    second = np.repeat([True, False, True], [900, 60, 40])
    difference, low, high = bootstrap_difference(first, second, 20_000, 1)
    assert difference == pytest.approx(0.02)
    deviation = np.sqrt((0.06 + 0.04 - 0.02**2) / 1000)
    np.testing.assert_allclose([low, high], [0.02 - 1.96 * deviation, 0.02 + 1.96 * deviation], atol=1e-3)
    assert bootstrap_difference(second, first, 20_000, 1)[0] == pytest.approx(-0.02)


def counted(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and certain predictions that have a confusion matrix."""
    labels, predicted = (np.repeat(codes, matrix.ravel()) for codes in np.indices(matrix.shape).reshape(2, -1))
    return labels, certain(predicted.tolist(), len(matrix))


MATRICES = st.integers(2, 5).flatmap(
    lambda classes: st.lists(st.integers(0, 6), min_size=classes**2, max_size=classes**2).map(
        lambda cells: np.array(cells).reshape(classes, classes)
    )
)


@given(MATRICES.filter(np.any))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(matrix: np.ndarray) -> None:
    for code, score in enumerate(f1_scores(matrix)):
        hits, given_, there = matrix[code, code], matrix[:, code].sum(), matrix[code].sum()
        assert score == pytest.approx(2 / (given_ / hits + there / hits) if hits else 0)


@given(MATRICES)
def test_the_confusion_matrix_counts_every_pair(matrix: np.ndarray) -> None:
    labels, probabilities = counted(matrix)
    np.testing.assert_array_equal(confusion(labels, probabilities.argmax(axis=1), len(matrix)), matrix)


def test_metrics_of_no_images_are_not_a_number() -> None:
    none, names = np.zeros(0, np.int64), ("angry", "happy")
    metrics = evaluate(none, np.zeros((0, 2), np.float32), names)
    assert metrics.pop("support") == 0
    assert list(metrics) == ["accuracy", "macro_f1", "f1.angry", "f1.happy", "ece"]
    assert np.isnan(list(metrics.values())).all()
    empty = np.zeros((2, 2), np.int64)
    for ends in (*bootstrap_intervals(empty, 20, 0).values(), *f1_intervals(empty, 20, 0)):
        assert np.isnan(ends).all()
    assert np.isnan(bootstrap_difference(none.astype(bool), none.astype(bool), 20, 0)).all()


def test_where_all_kept_classes_have_probability_zero_each_gets_the_same() -> None:
    probabilities = np.array([[0, 1, 0], [0.2, 0.5, 0.3]], np.float32)
    labels, among = restrict(np.array([0, 2]), probabilities, ("angry", "disgust", "fear"), ("angry", "fear"))
    assert labels.tolist() == [0, 1]
    np.testing.assert_allclose(among, [[0.5, 0.5], [0.4, 0.6]])
    assert among.dtype == np.float32


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.sets(st.integers(0, 4), min_size=1))
def test_a_restricted_task_keeps_order_and_ratios(seed: int, count: int, codes: set[int]) -> None:
    labels, probabilities = random_case(seed, count, 5)
    names = tuple("abcde")
    kept = tuple(names[code] for code in sorted(codes, reverse=True))
    new, among = restrict(labels, probabilities, names, kept)
    there = [row for row in range(count) if labels[row] in codes]
    assert [kept[code] for code in new] == [names[labels[row]] for row in there]
    np.testing.assert_allclose(among.sum(axis=1), 1, rtol=1e-5)
    for row, shares in zip(there, among, strict=True):
        for name, share in zip(kept, shares, strict=True):
            assert share * probabilities[row, sorted(codes)].sum() == pytest.approx(
                probabilities[row, names.index(name)], rel=1e-4, abs=1e-7
            )


def test_the_interval_of_an_accuracy_is_the_exact_binomial_one() -> None:
    """45 of 60 right: the hits of a resample are binomial, with percentiles 38 and 51."""
    assert (binom.ppf(0.025, 60, 0.75), binom.ppf(0.975, 60, 0.75)) == (38, 51)
    interval = bootstrap_intervals(np.array([[25, 8], [7, 20]]), 50_000, seed=0)["accuracy"]
    assert interval == pytest.approx((38 / 60, 51 / 60))


def test_the_interval_of_a_classs_f1_by_hand() -> None:
    """One class of one label, one prediction wrong in two: its F1 in a resample of two is 0, 2/3 or 1."""
    (_, high), (low, _) = f1_intervals(np.array([[1, 1], [0, 0]]), 4000, seed=0)
    assert high == 1
    assert low == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_a_difference_changes_its_sign_with_the_order_and_lies_in_its_interval(seed: int, count: int) -> None:
    first, second = np.random.default_rng(seed).random((2, count)) < 0.5
    difference, low, high = bootstrap_difference(first, second, 400, 1)
    assert difference == pytest.approx((first.sum() - second.sum()) / count)
    assert -1 <= low <= difference + 1e-9 <= high + 2e-9 <= 1 + 3e-9
    assert bootstrap_difference(second, first, 400, 1)[0] == pytest.approx(-difference)
