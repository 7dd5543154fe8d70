"""Runs suites of expectations over a FaceDataset and reads what Great Expectations found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.exceptions import GreatExpectationsError

from fer.checks.report import CheckReport, CheckResult, FlawCount
from fer.checks.site import build_site
from fer.checks.suites import Suite, load_suites
from fer.data.dataset import FaceDataset
from fer.data.statistics import class_counts, image_statistics
from fer.errors import UserError

#: The columns that name a row of each table that a suite may check.
ROW_NAMES = {"images": ["source_id"], "classes": ["split", "emotion"]}


def run_checks(
    dataset: FaceDataset, suites: Path, show_rows: int, docs: Path | None = None, *, cleaned: bool = True
) -> CheckReport:
    """Check a data set against every suite of a folder.

    Args:
        dataset: the images and their table.
        suites: folder of ``*.yaml`` files, see ``fer.checks.suites``. ``meta.table`` says what a suite checks:
            ``images`` (a row per image: the data set's columns, those of ``image_statistics``, and ``votes_sum`` where
            there are votes) or ``classes`` (a row per split and class, see ``class_counts``).
            ``{$PARAMETER: classes}`` stands for the data set's classes.
        show_rows: how many offending rows a result names.
        docs: folder that the Great Expectations site is built into, replacing what stands there.
        cleaned: whether ingest took blanks and copies out of train. If not, the checks marked ``meta.cleaning`` are
            warnings.

    Raises:
        UserError: for a suite that cannot be read or does not fit the data set.
    """
    tables = {"images": _image_table(dataset), "classes": class_counts(dataset)}
    loaded = load_suites(suites, tables, cleaned)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("faces")
    batches = {name: source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all") for name in tables}

    results: list[CheckResult] = []
    flagged: set[str] = set()
    for suite in loaded:
        definition = gx.ValidationDefinition(
            name=suite.name,
            data=batches[suite.table],
            suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=list(suite.expectations))),
        )
        context.validation_definitions.add(definition)
        for result in _validate(definition, suite, tables[suite.table], dataset.classes):
            rows = _row_names(result, ROW_NAMES[suite.table])
            results.append(_check_result(suite, result, rows[:show_rows]))
            if suite.table == "images":
                flagged.update(rows)
    report = CheckReport(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        images=len(dataset),
        results=tuple(results),
        skipped=tuple(check for suite in loaded for check in suite.skipped),
        flaws=_count_flaws(dataset, flagged),
    )
    if docs is not None:
        build_site(context, report, docs)
    return report


def _validate(
    definition: gx.ValidationDefinition, suite: Suite, table: pd.DataFrame, classes: tuple[str, ...]
) -> list[ExpectationValidationResult]:
    """Results in the suite's order; Great Expectations returns them in one of its own."""
    try:
        validation = definition.run(
            batch_parameters={"dataframe": table},
            expectation_parameters={"classes": list(classes)},
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ROW_NAMES[suite.table]},
        )
    except GreatExpectationsError as error:
        raise UserError(f"{suite.path}: {' '.join(str(error).split())}; correct the suite") from error
    by_id = {result.expectation_config.id: result for result in validation.results}
    return [by_id[expectation.id] for expectation in definition.suite.expectations]


def _image_table(dataset: FaceDataset) -> pd.DataFrame:
    """The data set's table with the statistics of every image and the sum of its votes."""
    table = dataset.table.join(image_statistics(dataset))
    votes = [column for column in table.columns if column.startswith("votes.")]
    return table.assign(votes_sum=table[votes].sum(axis=1)) if votes else table


def _row_names(result: ExpectationValidationResult, columns: list[str]) -> list[str]:
    """Names of all rows that break an expectation, in table order."""
    return [
        " ".join(str(row[column]) for column in columns) for row in result.result.get("unexpected_index_list") or []
    ]


def _check_result(suite: Suite, result: ExpectationValidationResult, rows: list[str]) -> CheckResult:
    config, found = result.expectation_config, result.result
    if not found:
        reason = _exception(result.exception_info)
        raise UserError(f"{suite.path}: {config.description}: cannot be evaluated ({reason}); correct this expectation")
    unexpected = int(found.get("unexpected_count", 0))
    return CheckResult(
        suite=suite.name,
        expectation=config.type,
        description=config.description,
        remedy=config.notes,
        column=config.kwargs.get("column"),
        severity=config.severity.value,
        success=bool(result.success),
        unexpected=unexpected,
        share=round(unexpected / max(found.get("element_count", 1), 1), 6),
        rows=tuple(rows),
        observed=_observed(found),
    )


def _observed(found: Mapping[str, Any]) -> str | None:
    """What a check of a whole column reports instead of rows."""
    if missing := found.get("partial_missing_list"):
        return f"missing: {', '.join(map(str, missing))}"
    value = found.get("observed_value")
    return None if value is None else str(value)


def _exception(info: Mapping[str, Any]) -> str:
    """The first exception message of a result, whose details are keyed by metric or stand at the top."""
    details = info if "exception_message" in info else next(iter(info.values()))
    return " ".join(str(details["exception_message"]).split())


def _count_flaws(dataset: FaceDataset, flagged: set[str]) -> tuple[FlawCount, ...]:
    """Per planted flaw, how many images ingest removed, a check flagged, and neither found."""
    if "flaw" not in dataset.table.columns:
        return ()
    kept, removed = dataset.table, dataset.removed["flaw"].value_counts()
    hits = kept["source_id"].astype(str).isin(flagged)
    counts = []
    for flaw in sorted(set(kept["flaw"]) | set(removed.index)):
        gone = int(removed.get(flaw, 0))
        present = kept["flaw"] == flaw
        caught = int((present & hits).sum())
        planted = gone + int(present.sum())
        counts.append(FlawCount(flaw, planted, gone, caught, planted - gone - caught))
    return tuple(counts)
