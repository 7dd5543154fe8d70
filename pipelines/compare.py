"""Stage 7: the trained architectures side by side."""

import pandas as pd
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from rich.console import Console
from rich.table import Table

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import comparison_table, with_latency
from fer.evaluation.model_folder import ModelFolder
from fer.files import replace_file, write_text
from fer.params import Compare, load_params
from fer.report.comparison import draw_comparison, models_table
from fer.report.tables import heading, markdown
from fer.tracking import Tracker
from pipelines import paths
from pipelines.models import all_models

#: Characters of a printed line where the output is no terminal.
WIDTH = 180


@flow
def compare() -> None:
    """Put the architectures side by side: CSV, figures, Prefect artifact, and latency in their MLflow runs."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    folders = all_models(params, dataset)
    table = measure(folders, params.compare)
    write(table)
    draw(table, folders, dataset, params.compare.sample_faces)
    tracker = Tracker(params.tracking)
    for folder in folders:
        log(tracker, folder, dataset, table)
    publish(models_table(table, dataset.classes), heading(dataset))


@task
def measure(folders: list[ModelFolder], settings: Compare) -> pd.DataFrame:
    """All metrics with intervals, and latency."""
    return with_latency(comparison_table(folders, settings), folders)


@task
def write(table: pd.DataFrame) -> None:
    """The table as CSV, and what of it is the same on every run as DVC metrics."""
    with replace_file(paths.COMPARISON) as fresh:
        table.to_csv(fresh, index=False)
    stable = table.drop(columns="latency_ms").set_index("model")
    write_text(paths.COMPARISON_METRICS, stable.to_json(orient="index", indent=2) + "\n")


@task
def draw(table: pd.DataFrame, folders: list[ModelFolder], dataset: FaceDataset, faces: int) -> None:
    """The stage's figures."""
    draw_comparison(table, folders, dataset, faces, paths.COMPARISON_FIGURE, paths.SAMPLES)


@task
def log(tracker: Tracker, folder: ModelFolder, dataset: FaceDataset, table: pd.DataFrame) -> None:
    """Latency and intervals in the model's run, which is written again where the store lacks it."""
    run_id = tracker.ensure_run(folder, dataset)
    row = table[table["model"] == folder.name].iloc[0]
    names = [name for name in map(str, table.columns) if name == "latency_ms" or name.endswith((".low", ".high"))]
    tracker.log_metrics(run_id, {name: float(row[name]) for name in names})


@task
def publish(table: pd.DataFrame, title: str) -> None:
    """The table for people: at the terminal and as a Prefect artifact."""
    create_markdown_artifact(
        key="comparison", markdown=f"## {title}\n\n{markdown(table)}\n", description="Architectures compared"
    )
    view = Table(title=title, title_justify="left")
    for column in map(str, table.columns):
        view.add_column(column, justify="right" if len(view.columns) else "left")
    for row in table.itertuples(index=False):
        view.add_row(*row)
    Console(width=None if Console().is_terminal else WIDTH).print(view)
