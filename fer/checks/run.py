"""Runs suites of expectations over a FaceDataset, as one Great Expectations checkpoint, and reads what it found."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.checkpoint import CheckpointResult
from great_expectations.core import ExpectationValidationResult
from great_expectations.exceptions import GreatExpectationsError

from fer.checks.report import CheckReport, CheckResult, FlawCount
from fer.checks.site import add_site, site_actions
from fer.checks.suites import Suite, columns_of, load_suites
from fer.data.dataset import COLUMNS, FaceDataset
from fer.data.statistics import image_statistics
from fer.errors import UserError
from fer.files import replace_folder

#: The column that names an image's row.
ROW_NAME = "source_id"


def run_checks(
    dataset: FaceDataset,
    suites: Path,
    show_rows: int,
    docs: Path | None = None,
    *,
    measured: pd.DataFrame | None = None,
    cleaned: bool = True,
) -> CheckReport:
    """Check a data set against every suite of a folder.

    Args:
        dataset: the images and their table.
        suites: folder of ``*.yaml`` files, see ``fer.checks.suites``. They check a table with a row per image: the
            data set's columns, those of ``image_statistics``, those of ``measured``, and ``votes_sum`` where there are
            votes.
            ``{$PARAMETER: classes}`` stands for the data set's classes.
        show_rows: how many offending rows a result names.
        docs: folder of the Great Expectations site, replaced once all is written.
        measured: what else was measured, a row per image: :func:`fer.audit.measured.measure` for all that the package's
            suites ask. Optional checks of columns that are not there are skipped.
        cleaned: whether ingest took blanks and copies out of train. If not, the checks marked ``meta.cleaning`` are
            warnings.

    Raises:
        UserError: for a suite that cannot be read or does not fit the data set.
    """
    table = _image_table(dataset, measured)
    parameters = {"classes": list(dataset.classes)}
    loaded = load_suites(suites, list(table.columns), list(parameters), cleaned)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = context.data_sources.add_pandas("faces").add_dataframe_asset("images")
    whole = batch.add_batch_definition_whole_dataframe("all")
    definitions = [_definition(context, suite, whole) for suite in loaded]

    def report_of(result: CheckpointResult) -> CheckReport:
        return _report(dataset, loaded, definitions, result, show_rows)

    with replace_folder(Path(os.path.realpath(docs))) if docs else nullcontext() as folder:
        if folder:
            add_site(context, folder)
        # run() adds it to the context; context.checkpoints.add() would return a copy read from JSON
        checkpoint = gx.Checkpoint(
            name="checks",
            validation_definitions=definitions,
            actions=site_actions(folder, report_of) if folder else [],
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": [ROW_NAME],
                "return_unexpected_index_query": False,
            },
        )
        try:
            result = checkpoint.run(batch_parameters={"dataframe": table}, expectation_parameters=parameters)
        except GreatExpectationsError as error:
            raise UserError(f"{suites}: {' '.join(str(error).split())}; correct the suite") from error
    return report_of(result)


def _definition(context: Any, suite: Suite, batch: Any) -> gx.ValidationDefinition:
    """What validates the table against one suite."""
    expectations = context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=list(suite.expectations)))
    return context.validation_definitions.add(gx.ValidationDefinition(name=suite.name, data=batch, suite=expectations))


def _report(
    dataset: FaceDataset,
    suites: list[Suite],
    definitions: list[gx.ValidationDefinition],
    result: CheckpointResult,
    show_rows: int,
) -> CheckReport:
    """What a checkpoint found, in the suites' order; Great Expectations returns results in one of its own."""
    results: list[CheckResult] = []
    flagged: set[str] = set()
    validations = {validation.suite_name: validation for validation in result.run_results.values()}
    for suite, definition in zip(suites, definitions, strict=True):
        by_id = {found.expectation_config.id: found for found in validations[suite.name].results}
        for expectation in definition.suite.expectations:
            found = by_id[expectation.id]
            rows = _row_names(found)
            results.append(_check_result(suite, found, rows[:show_rows]))
            flagged.update(rows)
    return CheckReport(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        images=len(dataset),
        results=tuple(results),
        skipped=tuple(check for suite in suites for check in suite.skipped),
        flaws=_count_flaws(dataset, flagged),
    )


def _image_table(dataset: FaceDataset, measured: pd.DataFrame | None) -> pd.DataFrame:
    """The data set's own columns with the statistics of every image, what else was measured and the sum of its votes.

    Without group columns: theirs are other people's names, which may be those of a measurement.
    """
    table = dataset.table[list(COLUMNS)].join(image_statistics(dataset))
    if measured is not None:
        table = table.join(measured.drop(columns=table.columns, errors="ignore"))
    votes = [column for column in dataset.table if str(column).startswith("votes.")]
    return table.assign(votes_sum=dataset.table[votes].sum(axis=1, min_count=1)) if votes else table


def _row_names(result: ExpectationValidationResult) -> list[str]:
    """What breaks an expectation, in table order: source ids, or the values that name a group, such as a class."""
    rows = result.result.get("unexpected_index_list") or []
    return [str(row[ROW_NAME]) if ROW_NAME in row else " ".join(map(str, row.values())) for row in rows]


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
        columns=tuple(columns_of(config.kwargs)),
        severity=config.severity.value,
        success=bool(result.success),
        unexpected=unexpected,
        share=round(unexpected / max(found.get("element_count", 1), 1), 6),
        rows=tuple(rows),
        observed=None if unexpected else _observed(found),
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
