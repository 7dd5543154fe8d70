"""Evidently's page tells what the alarm tells: it shows our measures by our bounds, and may not contradict them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recorded_worlds import SETTINGS, world

from fer.monitoring.comparison import compare
from fer.monitoring.page import write_report
from fer.sections import Bounds, Monitor

#: Of 30 faces, brightness moves by more than its bound, as it may by chance.
FEW = world(30, 1, brightness=np.linspace(80, 190, 30))


@pytest.mark.parametrize(
    ("window", "settings", "drifted"),
    [
        (world(500, 1), SETTINGS, set()),
        (world(500, 1, brightness=np.random.default_rng(1).normal(100, 30, 500)), SETTINGS, {"brightness"}),
        (
            world(500, 1, emotion=np.repeat(["angry", "sad"], 250), face=np.arange(500) % 9 > 0),
            SETTINGS,
            {"emotion", "face"},
        ),
        # Evidently by itself asks one thing alone, whether the distance is above the bound.
        (FEW, Monitor(window=30, least=30, false_alarms=0.01, bounds=Bounds()), set()),
        # Proven, and of no account.
        (world(20_000, 1, contrast=world(20_000, 1)["contrast"] + 1), SETTINGS, set()),
    ],
    ids=["as the reference", "darker", "another mix", "few by chance", "many by little"],
)
def test_evidently_shows_the_distances_and_the_verdicts_of_the_alarm(
    tmp_path: Path, window: pd.DataFrame, settings: Monitor, drifted: set[str]
):
    reference = world(3000, 0)
    findings = compare(reference, window, settings)
    assert {finding.name for finding in findings if finding.drifted} == drifted
    shown = write_report(tmp_path / "report.html", reference, window, findings)
    assert shown == {finding.name: (pytest.approx(finding.moved), finding.drifted) for finding in findings}
