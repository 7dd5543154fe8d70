"""Expectations about distributions: that splits agree, and that no measurement gives the class away.

Importing this module registers them; a suite names one by its class name in snake case. They run on pandas alone.
"""

from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import ExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics import ColumnAggregateMetricProvider

from fer.checks.expectations import of_rows
from fer.data.distributions import distance, explained


class DistanceOfGroups(ColumnAggregateMetricProvider):
    """By group, how far the column's distribution lies from the first group's, and the p-value."""

    metric_name = "column.distance_of_groups"
    value_keys = ("group_column", "groups")

    @of_rows
    def _pandas(
        rows: pd.DataFrame,  # noqa: N805
        column: str,
        group_column: str,
        groups: list[str],
    ) -> dict[str, tuple[float, float]]:
        first, *others = (rows[column][rows[group_column] == name] for name in groups)
        return dict(zip(groups[1:], (distance(first, other) for other in others), strict=True))


class ExplainedByLabel(ColumnAggregateMetricProvider):
    """The share of the column's variance (of ranks) that a label explains, and the p-value."""

    metric_name = "column.explained_by_label"
    value_keys = ("label_column",)

    @of_rows
    def _pandas(rows: pd.DataFrame, column: str, label_column: str) -> tuple[float, float]:  # noqa: N805
        return explained(rows[column], rows[label_column])


class ExpectColumnDistributionToAgreeBetweenGroups(ColumnAggregateExpectation):
    """Expect the column to be distributed in every group as in the first one.

    Attributes:
        group_column: what the rows are grouped by.
        groups: the groups; the others are compared with the first.
        max_value: largest distance, 0 to 1: Kolmogorov-Smirnov of numbers, total variation of names.
        significance: p-value below which a larger distance counts; few rows lie apart by chance.
    """

    group_column: str
    groups: list[str]
    max_value: float
    significance: float = 0.001

    metric_dependencies: ClassVar[tuple[str, ...]] = (DistanceOfGroups.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("group_column", "groups", "max_value", "significance")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "group_column")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        limits = self._get_success_kwargs()
        found = metrics[DistanceOfGroups.metric_name]
        apart = [n for n, (far, p) in found.items() if far > limits["max_value"] and p < limits["significance"]]
        told = ", ".join(f"{name} {far:.3f}" for name, (far, _) in found.items())
        return {"success": not apart, "result": {"observed_value": f"distance from {limits['groups'][0]}: {told}"}}


class ExpectColumnToTellLittleOfLabel(ColumnAggregateExpectation):
    """Expect a label to explain little of the column: else a network can read the column in place of the face.

    Attributes:
        label_column: the label.
        max_value: largest share of the column's variance (of ranks) that the label may explain, 0 to 1.
        significance: p-value below which a larger share counts.
    """

    label_column: str
    max_value: float
    significance: float = 0.001

    metric_dependencies: ClassVar[tuple[str, ...]] = (ExplainedByLabel.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("label_column", "max_value", "significance")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "label_column")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        limits = self._get_success_kwargs()
        share, p = metrics[ExplainedByLabel.metric_name]
        told = f"{100 * max(share, 0):.1f} % of its variance explained by {limits['label_column']}"
        passed = not (share > limits["max_value"] and p < limits["significance"])
        return {"success": passed, "result": {"observed_value": told}}
