"""Stage 2: is the data fit to train on?"""

import json
from pathlib import Path

import pandas as pd
from prefect import flow
from prefect.artifacts import create_table_artifact

from fer.audit.measured import measure
from fer.audit.progress import bars
from fer.checks.report import CheckReport
from fer.checks.run import run_checks
from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.files import write_text
from fer.params import load_params
from pipelines import paths
from pipelines.flows import task
from pipelines.reporting import say


@flow(flow_run_name="validate")
def validate() -> None:
    """Run the suites; a critical failure stops the pipeline and names the rows."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    measured = measure_images(dataset, params.data.seed)
    settings = params.validate_
    report = check(dataset, measured, settings.suites, settings.show_rows, params.data.remove_copies)
    publish(report)
    if report.critical_failures:
        raise UserError(report.failure_message())
    write_text(paths.VALIDATION_REPORT, report.to_json())
    write_text(paths.ACCEPTED_DATA, json.dumps({"fingerprint": dataset.fingerprint}))
    for result in report.warnings:
        say(f"warning: {result.description}: {result.found}")
    counts = f"{len(report.results)} checks, {len(report.warnings)} warnings"
    say(f"validate: {dataset.name}: {counts}; site in {paths.DATA_DOCS}")


@task
def measure_images(dataset: FaceDataset, seed: int) -> pd.DataFrame:
    """What the suites ask of every image."""
    with bars() as progress:
        return measure(dataset, seed, progress)


@task
def check(dataset: FaceDataset, measured: pd.DataFrame, suites: Path, show_rows: int, cleaned: bool) -> CheckReport:
    """The suites over labels and images, and the data docs site."""
    return run_checks(dataset, suites, show_rows, paths.DATA_DOCS, measured=measured, cleaned=cleaned)


@task
def publish(report: CheckReport) -> None:
    """The checks as a Prefect artifact."""
    rows = [vars(result) for result in report.results]
    create_table_artifact(key="checks", table=[{k: str(v) for k, v in row.items()} for row in rows])
