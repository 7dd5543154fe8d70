"""The deck's table over all trained architectures."""

from pathlib import Path

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.intervals import bootstrap_intervals
from fer.evaluation.model_folder import SCORED, ModelFolder, scored_rows
from fer.evaluation.scores import confusion
from fer.inference.runtime import measure_latency
from fer.params import Compare


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


def with_latency(table: pd.DataFrame, folders: list[ModelFolder]) -> pd.DataFrame:
    """The table with a column ``latency_ms``: one face in ONNX Runtime, all models measured in the same run."""
    measured = measure_latency({folder.name: folder.onnx for folder in folders})
    return table.assign(latency_ms=table["model"].map(measured))
