import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.evaluation.abstention import lower_bound, upper_bound
from fer.evaluation.intervals import macro_f1_difference, mean_interval
from fer.evaluation.scores import accuracy_and_macro_f1

codes = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=60)


def macro_f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    return accuracy_and_macro_f1(labels, np.eye(3)[predicted])[1]


@given(codes)
def test_the_difference_is_that_of_the_two_scores_and_turns_with_the_models(rows):
    labels, one, other = np.array(rows).T
    gain, low, high = macro_f1_difference(labels, one, other, 3, 50, 1)
    assert gain == pytest.approx(macro_f1(labels, one) - macro_f1(labels, other))
    assert low <= high
    assert macro_f1_difference(labels, other, one, 3, 50, 1)[0] == pytest.approx(-gain)
    assert macro_f1_difference(labels, one, one, 3, 50, 1) == (0, 0, 0)


def test_the_interval_holds_the_true_difference_in_about_95_of_100_samples():
    """Two models that are right with 0.8 and 0.7 of the images, on the same easy ones: 300 images a sample."""
    rng = np.random.default_rng(0)
    held, widths = 0, []
    for sample in range(200):
        labels, luck = rng.integers(0, 3, 300), rng.random(300)
        one, other = (np.where(luck < share, labels, (labels + 1) % 3) for share in (0.8, 0.7))
        _, low, high = macro_f1_difference(labels, one, other, 3, 300, sample)
        held += low <= 0.1 <= high
        widths.append(high - low)
    assert 180 <= held <= 199
    assert np.mean(widths) < 0.08, "paired: two samples of their own would give 0.14"


def test_no_images_have_no_interval():
    nothing = np.zeros(0, int)
    assert np.isnan(macro_f1_difference(nothing, nothing, nothing, 3, 50, 1)).all()
    assert np.isnan(mean_interval(np.zeros(0), 50, 1)).all()


def test_a_mean_with_its_interval():
    mean, low, high = mean_interval(np.random.default_rng(0).normal(2, 1, 400), 500, 0)
    assert mean == pytest.approx(2, abs=0.1)
    assert (high - low) == pytest.approx(2 * 1.96 / 20, rel=0.15)
    assert mean_interval(np.full(9, 0.5), 100, 0) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("correct", "count"), [(0, 10), (7, 10), (95, 100), (100, 100)])
def test_the_upper_bound_is_the_lower_one_of_the_others(correct, count):
    assert upper_bound(correct, count) == pytest.approx(1 - lower_bound(np.array(count - correct), np.array(count)))
