"""Expectations that Great Expectations lacks: repeats, leaks, conflicting labels, and the classes' shares.

Importing this module registers them; a suite names one by its class name in snake case. They run on pandas alone. The
data docs show a suite's own ``description``, which every expectation must have, so none of them renders a sentence.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeVar

import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.suite_parameters import SuiteParameterDict
from great_expectations.execution_engine import ExecutionEngine, PandasExecutionEngine
from great_expectations.expectations.expectation import (
    ColumnAggregateExpectation,
    ColumnMapExpectation,
    ColumnPairMapExpectation,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics import ColumnAggregateMetricProvider, ColumnMapMetricProvider
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_condition_partial,
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.validator.metric_configuration import MetricConfiguration

Measured = TypeVar("Measured")


def of_rows(measured: Callable[..., Measured]) -> Callable[..., Measured]:
    """What Great Expectations calls for a metric, of a function of rows, a column's name and the ``value_keys``."""

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls: type,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **kwargs: Any,
    ) -> Measured:
        rows, _, accessor = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.COLUMN)
        return measured(rows, accessor["column"], **metric_value_kwargs)

    return _pandas


class FirstOfItsValue(ColumnMapMetricProvider):
    """Per row, whether no earlier row has the same value."""

    condition_metric_name = "column_values.first_of_its_value"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:  # noqa: N805
        return ~column.duplicated(keep="first")


class AbsentFromOtherRows(ColumnMapMetricProvider):
    """Per row, whether none of the rows that ``other_rows`` selects has its value."""

    condition_metric_name = "column_values.absent_from_other_rows"
    condition_value_keys = ("other_rows",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, _metrics: dict[str, Any], **kwargs: Any) -> pd.Series:  # noqa: N805
        return ~column.isin(_metrics["other_values"])

    @classmethod
    def _get_evaluation_dependencies(
        cls,
        metric: MetricConfiguration,
        configuration: ExpectationConfiguration | None = None,
        execution_engine: ExecutionEngine | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[str, MetricConfiguration]:
        dependencies = super()._get_evaluation_dependencies(
            metric, configuration, execution_engine, runtime_configuration
        )
        if metric.metric_name == f"{cls.condition_metric_name}.condition":
            others = metric.metric_domain_kwargs | {"row_condition": metric.metric_value_kwargs["other_rows"]}
            dependencies["other_values"] = MetricConfiguration("column.distinct_values", others)
        return dict(dependencies)


class OneSecondValue(ColumnPairMapMetricProvider):
    """Per row, whether all rows with the same value in the first column have one value in the second."""

    condition_metric_name = "column_pair_values.one_second_value"

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A: pd.Series, column_B: pd.Series, **kwargs: Any) -> pd.Series:  # noqa: N803, N805
        return column_B.groupby(column_A.to_numpy()).transform("nunique") <= 1


class ValueCountsByGroup(ColumnAggregateMetricProvider):
    """How often every value occurs in every group: a table of counts, groups by values."""

    metric_name = "column.value_counts_by_group"
    value_keys = ("group_column",)

    @of_rows
    def _pandas(rows: pd.DataFrame, column: str, group_column: str) -> pd.DataFrame:  # noqa: N805
        return pd.crosstab(rows[group_column], rows[column])


class ExpectColumnValuesToNotRepeat(ColumnMapExpectation):
    """Expect every value once; of equal values the first row passes and the later ones do not."""

    map_metric: ClassVar[str] = FirstOfItsValue.condition_metric_name
    args_keys: ClassVar[tuple[str, ...]] = ("column",)


class ExpectColumnValuesToBeAbsentFromOtherRows(ColumnMapExpectation):
    """Expect that no checked value occurs in the rows that ``other_rows``, a row condition, selects."""

    other_rows: dict[str, Any]

    map_metric: ClassVar[str] = AbsentFromOtherRows.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "other_rows")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "other_rows")


class ExpectColumnPairValuesToBeConsistent(ColumnPairMapExpectation):
    """Expect that rows with the same value in ``column_A`` have the same value in ``column_B``."""

    ignore_row_if: Literal["both_values_are_missing", "either_value_is_missing", "neither"] = "both_values_are_missing"

    map_metric: ClassVar[str] = OneSecondValue.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "ignore_row_if")
    args_keys: ClassVar[tuple[str, ...]] = ("column_A", "column_B")


class ExpectColumnValueSharesToBeBetween(ColumnAggregateExpectation):
    """Expect each of ``value_set`` to have a share of every group's rows between two bounds.

    Attributes:
        group_column: what the rows are grouped by.
        groups: the groups that must be there; one without rows has shares of 0.
        value_set: the values whose shares are checked.
        min_value: smallest share, 0 to 1.
        max_value: largest share, 0 to 1.
        strict_min: whether a share equal to ``min_value`` fails.
    """

    group_column: str
    groups: list[str]
    value_set: list[str] | SuiteParameterDict
    min_value: float = 0.0
    max_value: float = 1.0
    strict_min: bool = False

    metric_dependencies: ClassVar[tuple[str, ...]] = (ValueCountsByGroup.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = (
        "group_column", "groups", "value_set", "min_value", "max_value", "strict_min",
    )  # fmt: skip
    args_keys: ClassVar[tuple[str, ...]] = ("column", "group_column")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        limits = self._get_success_kwargs()
        counts = metrics[ValueCountsByGroup.metric_name]
        sizes = counts.sum(axis=1).reindex(limits["groups"], fill_value=0)
        counts = counts.reindex(index=limits["groups"], columns=limits["value_set"], fill_value=0)
        shares = counts.div(sizes.where(sizes > 0, 1), axis=0).stack()
        low, high = limits["min_value"], limits["max_value"]
        outside = shares[(shares <= low if limits["strict_min"] else shares < low) | (shares > high)]
        cells = [{limits["group_column"]: group, self.column: value} for group, value in outside.index]
        return {
            "success": outside.empty,
            "result": {
                "observed_value": f"{shares.min():.2%} to {shares.max():.2%}",
                "element_count": len(shares),
                "unexpected_count": len(outside),
                "unexpected_index_list": cells,
            },
        }
