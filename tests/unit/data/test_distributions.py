"""Distances between distributions against what is known of them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from fer.data.distributions import adjusted, distance, explained, explained_interval


def test_a_shifted_sample_lies_apart_and_the_same_one_does_not():
    rng = np.random.default_rng(0)
    one, same = (pd.Series(rng.normal(size=500)) for _ in range(2))
    assert distance(one, one)[0] == 0
    assert distance(one, same)[1] > 0.01
    far, p = distance(one, same + 1)
    assert far == pytest.approx(0.38, abs=0.06)  # of two normal distributions a standard deviation apart
    assert p < 1e-9
    assert distance(one, one[:0]) == (0.0, 1.0)


def test_names_lie_apart_by_the_share_that_must_move():
    one, other = pd.Series(["a"] * 60 + ["b"] * 40), pd.Series(["a"] * 30 + ["c"] * 70)
    far, p = distance(one, other)
    assert far == pytest.approx(0.7)
    assert p < 1e-9
    assert distance(one, one)[1] == pytest.approx(1)
    assert distance(pd.Series(["a"]), pd.Series(["a"])) == (0.0, 1.0)


def test_what_groups_explain_has_its_value_in_the_interval():
    rng = np.random.default_rng(0)
    groups = pd.Series(["a", "b"]).repeat(400).reset_index(drop=True)
    values = pd.Series(rng.normal(size=800) + (groups == "a"))
    share, p = explained(values, groups)
    low, high = explained_interval(values, groups, 200, 0)
    assert low < share < high
    assert high - low < 0.12
    assert p < 1e-9
    nothing, chance = explained(pd.Series(rng.normal(size=800)), groups)
    assert abs(nothing) < 0.01
    assert chance > 0.01


@pytest.mark.parametrize("groups", [["a"] * 4, ["a", "b", "c", "d"]])
def test_nothing_is_explained_of_or_by_one_value(groups):
    assert explained(pd.Series([1.0, 2, 3, 4]), pd.Series(groups)) == (0.0, 1.0)
    assert explained(pd.Series([1.0] * 4), pd.Series(["a", "a", "b", "b"])) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values(p_values):
    """No smaller than they were or than Benjamini and Hochberg's, at most their number times larger, in one order."""
    found = np.array(adjusted(p_values))
    assert (found >= np.array(p_values)).all()
    assert (found >= false_discovery_control(p_values) - 1e-12).all()
    assert (found <= np.minimum(1, len(p_values) * np.array(p_values)) + max(p_values)).all()
    assert found.min() == pytest.approx(min(1, len(p_values) * min(p_values)))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
