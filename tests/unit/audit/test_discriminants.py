import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from fer.audit.discriminants import discriminants


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 4), st.floats(0.05, 1))
def test_they_are_those_of_scikit_learn(seed: int, dimensions: int, classes: int, shrinkage: float):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes).repeat(2), rng.integers(0, classes, 20)]) * 3
    points = rng.normal(size=(len(labels), dimensions)) + labels[:, None] / 3
    known = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(points, labels)
    ours = discriminants(points, labels, shrinkage)
    assert ours.classes.tolist() == known.classes_.tolist()
    np.testing.assert_allclose(ours.probabilities(points), known.predict_proba(points), atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_points_that_do_not_differ_within_their_classes_tell_no_more_than_the_classes_shares(constant: float):
    points = np.full((4, 3), constant, np.float32)
    found = discriminants(points, np.array([0, 1, 1, 1]), 0.5).probabilities(points)
    np.testing.assert_allclose(found, [[0.25, 0.75]] * 4)


def test_of_two_classes_the_difference_of_the_scores_is_the_log_odds():
    """Worked out by hand: variance 1 within, means -1 and 1, equally frequent: log-odds 2x."""
    points, labels = np.array([[-2.0], [0.0], [0.0], [2.0]]), np.array([0, 0, 1, 1])
    negative, positive = discriminants(points, labels, 1.0).scores(np.array([[0.7]]))[0]
    assert positive - negative == pytest.approx(1.4)
