"""The deck's table over all trained architectures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation import bootstrap_intervals, confusion, evaluate, restrict
from fer.outputs import SCORED, ModelFolder, scored_rows
from fer.params import Compare
from fer.runtime import measure_latency


def open_models(models: Path, architectures: list[str], dataset: FaceDataset) -> list[ModelFolder]:
    """The folders of the architectures, each checked to be trained on ``dataset``.

    Raises:
        UserError: where one is missing or was trained on other data.
    """
    folders = [ModelFolder(models / name) for name in architectures]
    for folder in folders:
        if folder.job.fingerprint != dataset.fingerprint:
            raise UserError(
                f"{folder.path}: trained on {folder.run['dataset']} {folder.run['fingerprint']}, not on the present "
                f"{dataset.name} {dataset.fingerprint}; run dvc repro to train it again"
            )
    return folders


def comparison_table(folders: list[ModelFolder], settings: Compare) -> pd.DataFrame:
    """A row per model, best validation macro-F1 first: what it is, then every metric of every split.

    Accuracy and macro-F1 carry their 95 % bootstrap interval in ``<name>.low`` and ``<name>.high``.
    """
    rows = []
    for folder in folders:
        run = folder.run
        said = ("title", "dataset", "fingerprint", "weights", "model_sha256", "epochs", "best_epoch", "parity")
        row = {"model": folder.name} | {name: run[name] for name in said}
        row |= folder.metrics | intervals(folder.predictions, folder.classes, settings)
        rows.append(row)
    table = pd.DataFrame(rows).astype({"params": int})
    return table.sort_values(["validation.macro_f1", "model"], ascending=[False, True], ignore_index=True)


def intervals(predictions: pd.DataFrame, classes: tuple[str, ...], settings: Compare) -> dict[str, float]:
    """``<split>.<metric>.low`` and ``.high``: 95 % bootstrap intervals of accuracy and macro-F1, for every split."""
    ends: dict[str, float] = {}
    for split in SCORED:
        labels, probabilities = scored_rows(predictions, classes, split)
        matrix = confusion(labels, probabilities.argmax(axis=1), len(classes))
        for metric, (low, high) in bootstrap_intervals(matrix, settings.bootstrap, settings.seed).items():
            ends |= {f"{split}.{metric}.low": low, f"{split}.{metric}.high": high}
    return ends


def with_interval(figures: Mapping[Any, Any], name: str) -> str:
    """A figure and its 95 % interval as text: ``name``, ``name.low`` and ``name.high`` of ``figures``."""
    return f"{figures[name]:.3f} [{figures[f'{name}.low']:.3f}, {figures[f'{name}.high']:.3f}]"


def with_latency(table: pd.DataFrame, folders: list[ModelFolder]) -> pd.DataFrame:
    """The table with a column ``latency_ms``: one face in ONNX Runtime, all models measured in the same run."""
    measured = measure_latency({folder.name: folder.onnx for folder in folders})
    return table.assign(latency_ms=table["model"].map(measured))


def deck_table(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """The table as in the deck, a column per model: test F1 per class, macro-F1, accuracy, size and latency.

    A latency that is not a number was not measured: "-".
    """
    lines: dict[str, pd.Series] = {"weights": table["weights"]}
    lines |= {f"F1 {name}": table[f"test.f1.{name}"].map("{:.3f}".format) for name in classes}
    for name, title in (
        ("test.macro_f1", "macro-F1"),
        ("test.accuracy", "accuracy"),
        ("test_ten_views.accuracy", "accuracy, ten views"),
    ):
        low, high = (table[f"{name}.{end}"].map("{:.3f}".format) for end in ("low", "high"))
        lines |= {title: table[name].map("{:.3f}".format), "  95 % interval of " + title: low + "-" + high}
    lines |= {"parameters": table["params"].map("{:,}".format), "epochs": table["epochs"].map(str)}
    lines |= {"ms per face": table["latency_ms"].map("{:.1f}".format).replace("nan", "-")}
    view = pd.DataFrame(lines).T.set_axis(table["title"].tolist(), axis=1)
    return view.rename_axis("test split").reset_index()


def restricted_table(folders: list[ModelFolder], kept: tuple[str, ...]) -> pd.DataFrame:
    """Test F1 per class of models of more classes restricted to ``kept``, a row an architecture, with ten views too."""
    rows = []
    for folder in folders:
        row = {"architecture": folder.run["title"], "weights": folder.run["weights"]}
        for split, views in (("test", "one view"), ("test_ten_views", "ten views")):
            scores = evaluate(*restrict(*folder.scored(split), folder.classes, kept), kept)
            figures = {name: f"{scores[f'f1.{name}']:.3f}" for name in kept}
            rows.append(row | {"answers to": views} | figures | {"accuracy": f"{scores['accuracy']:.3f}"})
    return pd.DataFrame(rows)


def heading(dataset: FaceDataset) -> str:
    """What stands above every table: the data set's name, fingerprint and number of test images."""
    return f"{dataset.name} ({dataset.fingerprint}), {len(dataset.rows('test'))} test images"


def markdown(table: pd.DataFrame) -> str:
    """A table of texts as Markdown."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
