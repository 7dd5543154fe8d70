"""Stage 1: from a source to data/dataset."""

import json
from typing import Any

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.data.ingest import build_dataset
from fer.files import write_text
from fer.params import load_params
from fer.sections import Data
from pipelines import paths
from pipelines.flows import network_task, task
from pipelines.reporting import say


@flow(flow_run_name="ingest")
def ingest() -> None:
    """Read, clean, split and save the data set that params.yaml names, and report what was found."""
    dataset, report = read(load_params().data)
    for reading in report["readings"]:
        say(f"ingest: {reading}")
    save(dataset, report)
    counts = ", ".join(f"{split} {sum(row.values())}" for split, row in report["dataset"]["counts"].items())
    taken = ", ".join(f"{reason} {count}" for reason, count in report["removed"].items())
    say(f"ingest: {dataset.name} {dataset.fingerprint}: {counts}; taken out of train: {taken}")


@network_task
def read(data: Data) -> tuple[FaceDataset, dict[str, Any]]:
    """Source to data set."""
    return build_dataset(data)


@task
def save(dataset: FaceDataset, report: dict[str, Any]) -> None:
    """Data set and report to disk."""
    dataset.save(paths.DATASET)
    write_text(paths.INGEST_REPORT, json.dumps(report, indent=2) + "\n")
