"""Stage 7: the trained architectures side by side."""

import json

import pandas as pd
from prefect import flow

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import comparison_table, with_latency
from fer.evaluation.groups import fairness
from fer.evaluation.headline import headline_metrics
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.files import replace_file, replace_folder, write_text
from fer.params import load_params
from fer.report.comparison import draw_comparison, models_table
from fer.report.groups import LEVEL
from fer.report.plot_tables import write_plot_tables
from fer.report.tables import heading
from fer.sections import Compare
from fer.tracking import Tracker
from pipelines import paths
from pipelines.flows import network_task, task
from pipelines.models import all_models
from pipelines.reporting import say
from pipelines.tables import show_table
from pipelines.tracking import open_tracker


@flow(flow_run_name="compare")
def compare() -> None:
    """Put the architectures side by side: CSV, figures, Prefect artifact, and latency in their MLflow runs."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    folders = all_models(params, dataset)
    table = measure(folders, params.compare)
    write(table, folders, dataset)
    draw(table, folders, dataset, params.compare.sample_faces)
    tracker = open_tracker(params.tracking)
    for folder in folders:
        log(tracker, folder, dataset, table)
    tell_gaps(by_group(folders, dataset, params.compare))
    publish(models_table(table, dataset.classes), heading(dataset))


@task
def measure(folders: list[ModelFolder], settings: Compare) -> pd.DataFrame:
    """All metrics with intervals, and latency."""
    return with_latency(comparison_table(folders, settings), folders)


@task
def write(table: pd.DataFrame, folders: list[ModelFolder], dataset: FaceDataset) -> None:
    """The table as CSV, its headline figures as DVC metrics, and what DVC plots."""
    with replace_file(paths.COMPARISON) as fresh:
        table.to_csv(fresh, index=False)
    metrics = {folder.name: headline_metrics(folder.metrics, dataset.classes) for folder in folders}
    about = {"dataset": f"{dataset.name} ({dataset.fingerprint})"}
    write_text(paths.COMPARISON_METRICS, json.dumps(about | metrics, indent=2) + "\n")
    write_plot_tables(folders, paths.CONFUSION, paths.CURVES)


@task
def by_group(folders: list[ModelFolder], dataset: FaceDataset, settings: Compare) -> pd.DataFrame:
    """Every model's test figures by group as CSV; the gaps between groups."""
    found = {
        folder.name: fairness(dataset, "test", folder.scored(Split.TEST)[1].argmax(axis=1), settings)
        for folder in folders
    }
    groups = pd.concat([one.groups.assign(model=name) for name, one in found.items()])
    gaps = pd.concat([one.gaps.assign(model=name) for name, one in found.items()])
    with replace_folder(paths.GROUPS) as fresh:
        groups.to_csv(fresh / "groups.csv", index=False)
        gaps.to_csv(fresh / "gaps.csv", index=False)
    return gaps


def tell_gaps(gaps: pd.DataFrame) -> None:
    """A line for each gap that chance does not explain."""
    for row in gaps[gaps["p_corrected"] <= LEVEL].to_dict("records"):
        say(
            f"compare: {row['model']} reads {row['property']} {row['worst']} worse than {row['best']}: accuracy "
            f"{row['accuracy_worst']:.3f} and {row['accuracy_best']:.3f}, p {row['p_corrected']:.3f} corrected"
        )


@task
def draw(table: pd.DataFrame, folders: list[ModelFolder], dataset: FaceDataset, faces: int) -> None:
    """The stage's figures."""
    draw_comparison(table, folders, dataset, faces, paths.COMPARISON_FIGURE, paths.SAMPLES)


@network_task
def log(tracker: Tracker, folder: ModelFolder, dataset: FaceDataset, table: pd.DataFrame) -> None:
    """Latency and intervals in the model's run, which is written again where the store lacks it."""
    run_id = tracker.ensure_run(folder, dataset)
    row = table[table["model"] == folder.name].iloc[0]
    names = [name for name in map(str, table.columns) if name == "latency_ms" or name.endswith((".low", ".high"))]
    tracker.log_metrics(run_id, {name: float(row[name]) for name in names})


@task
def publish(table: pd.DataFrame, title: str) -> None:
    """The table for people: at the terminal and as a Prefect artifact."""
    show_table(table, "comparison", title, "Architectures compared")
