"""The report of a comparison by Evidently: one HTML file that loads nothing from elsewhere.

Evidently takes half a minute of a busy core to import: only the ``monitor`` flow does.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.core.dtypes import common

from fer.monitoring.comparison import MEASURES, NAMES, NUMBERS, Finding, values


def write_report(
    path: Path, reference: pd.DataFrame, window: pd.DataFrame, findings: Sequence[Finding]
) -> dict[str, tuple[float, bool]]:
    """Let Evidently compare window and reference by our measures and bounds, and write what it shows.

    Args:
        path: the HTML file.
        reference: as ``fer.monitoring.comparison.compare`` took it.
        window: likewise.
        findings: what that found: which properties, their bounds and levels.

    Returns:
        How far each property moved, and whether it drifted, as Evidently shows it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _bridge()
        from evidently import DataDefinition, Dataset, Report
        from evidently.legacy.tests.base_test import TestStatus
        from evidently.metrics import ValueDrift

        names = [finding.name for finding in findings]
        definition = DataDefinition(
            numerical_columns=[name for name in names if name in NUMBERS],
            categorical_columns=[name for name in names if name in NAMES],
        )
        sides = [
            Dataset.from_pandas(_columns(table, names), data_definition=definition) for table in (window, reference)
        ]
        metrics = [
            ValueDrift(column=finding.name, method=_method(finding), threshold=finding.bound) for finding in findings
        ]
        done = Report(metrics, include_tests=True).run(*sides)
        done.save_html(str(path))
        moved = [float(metric["value"]) for metric in done.dict()["metrics"]]
        drifted = [test.status == TestStatus.FAIL for test in done.tests_results]
        return dict(zip(names, zip(moved, drifted, strict=True), strict=True))


def _columns(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({name: values(table, name) for name in names})


def _method(finding: Finding) -> str:
    """The name under which Evidently knows how we measure a property, and when we say that it drifted."""
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    measure = MEASURES[finding.name]

    def judge(reference: pd.Series, window: pd.Series, kind: Any, bound: float) -> tuple[float, bool]:
        moved, p = measure(reference, window)
        return moved, replace(finding, moved=moved, p=p, bound=bound).drifted

    number = finding.name in NUMBERS
    how = "Wasserstein distance / deviation" if number else "total variation distance"
    test = StatTest(
        name=f"{how}, p < {finding.level:.2g}",
        display_name=f"{how}, and p < {finding.level:.2g}",
        allowed_feature_types=[ColumnType.Numerical if number else ColumnType.Categorical],
        default_threshold=finding.bound,
    )
    register_stattest(test, default_impl=judge)
    return str(test.name)


def _bridge() -> None:
    """Give Evidently 0.7 the private function of pandas that it imports for a test of its own, and that 3.1 dropped."""
    dropped = "infer_dtype_from_object"
    if not hasattr(common, dropped):
        setattr(common, dropped, lambda dtype: pd.api.types.pandas_dtype(dtype).type)
