"""When a window is another world than the reference."""

import numpy as np
import pandas as pd
import pytest
from recorded_worlds import SETTINGS, world

from fer.inference.classifier import RELEASED, Card
from fer.monitoring.comparison import PROPERTIES, compare, names_moved, numbers_moved
from fer.monitoring.verdict import verdict_of
from fer.sections import Bounds, Monitor


def drifted(window: pd.DataFrame, reference: pd.DataFrame | None = None) -> list[str]:
    reference = world(3000, 0) if reference is None else reference
    return [finding.name for finding in compare(reference, window, SETTINGS) if finding.drifted]


def test_at_most_one_in_fifty_windows_of_the_same_world_alarms():
    assert sum(bool(drifted(world(500, seed))) for seed in range(1, 101)) <= 2


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("brightness", np.random.default_rng(1).normal(100, 30, 500)),
        ("sharpness", np.random.default_rng(1).gamma(3, 0.2, 500)),
        ("emotion", np.random.default_rng(1).choice(["happy", "sad", "neutral"], 500, p=[0.25, 0.5, 0.25])),
        ("emotion", np.repeat(["angry", "sad"], 250)),
        ("certain", np.random.default_rng(1).random(500) < 0.2),
        ("face", np.random.default_rng(1).random(500) < 0.9),
    ],
)
def test_what_moved_is_named_alone(name: str, values: np.ndarray):
    assert drifted(world(500, 1, **{name: values})) == [name]


def test_a_small_shift_that_is_sure_is_no_drift():
    """Of 20,000 faces a tenth of a deviation is proven, and of no account."""
    [finding, *_] = compare(world(3000, 0), world(20_000, 1, brightness=world(20_000, 1)["brightness"] + 3), SETTINGS)
    assert finding.p < finding.level
    assert not finding.drifted


def test_a_large_shift_of_few_faces_is_no_drift():
    some = Monitor(window=30, least=30, false_alarms=0.01, bounds=Bounds())
    window = world(30, 1)
    window["brightness"] = np.linspace(80, 190, 30)
    [finding, *_] = compare(world(3000, 0), window, some)
    assert finding.moved > finding.bound
    assert not finding.drifted


def test_the_level_is_shared_by_all_that_are_compared():
    findings = compare(world(3000, 0), world(500, 1), SETTINGS)
    assert [finding.name for finding in findings] == list(PROPERTIES)
    assert {finding.level for finding in findings} == {0.01 / 10}


@pytest.mark.parametrize("side", ["reference", "window"])
def test_what_one_side_does_not_know_is_not_compared(side: str):
    """Crops have no detection."""
    worlds = {"reference": world(3000, 0), "window": world(500, 1)}
    worlds[side]["score"] = np.nan
    assert "score" not in [finding.name for finding in compare(worlds["reference"], worlds["window"], SETTINGS)]


def test_a_side_that_never_differs_is_not_compared():
    crops = world(3000, 0, side=48.0)
    assert "side" not in [finding.name for finding in compare(crops, world(500, 1), SETTINGS)]


def test_numbers_move_in_deviations_and_names_in_shares():
    old = pd.Series([0.0, 2.0] * 50)  # of deviation 1
    assert numbers_moved(old, old + 0.5) == (pytest.approx(0.5), pytest.approx(0, abs=1e-6))
    moved, p = names_moved(pd.Series(["a"] * 50 + ["b"] * 50), pd.Series(["a"] * 80 + ["b"] * 20))
    assert moved == pytest.approx(0.3)
    assert p < 1e-4
    assert names_moved(old.astype(str), old.astype(str)) == (0, pytest.approx(1))
    assert names_moved(pd.Series(["a"] * 50), pd.Series(["a"] * 20)) == (0, 1)


def test_after_a_verdicts_end_its_last_face_is_not_seen_again():
    """The service's clock tells microseconds: an end that is cut short is before the last face."""
    times = pd.to_datetime(["2026-11-28T06:00:00.000001Z", "2026-11-28T06:00:01.999999Z"])
    window = world(2, 0).assign(time=times)
    verdict = verdict_of(Card.load(RELEASED), world(3000, 0), window, ())
    assert pd.Timestamp(verdict.until) == times[-1]
