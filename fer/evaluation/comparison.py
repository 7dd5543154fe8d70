"""Trained models side by side: every metric of every split, with intervals and latency."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.intervals import bootstrap_intervals, macro_f1_difference
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, Split, confusion_of
from fer.inference.runtime import measure_latency
from fer.sections import Compare


def open_models(models: Path, architectures: list[str], dataset: FaceDataset) -> list[ModelFolder]:
    """The folders of the architectures, each checked to be trained on ``dataset``.

    Raises:
        UserError: where one is missing or was trained on other data.
    """
    folders = [ModelFolder(models / name) for name in architectures]
    for folder in folders:
        if folder.job.fingerprint != dataset.fingerprint:
            raise UserError(
                f"{folder.path}: trained on {folder.run.dataset} {folder.run.fingerprint}, not on the present "
                f"{dataset.name} {dataset.fingerprint}; run dvc repro to train it again"
            )
    return folders


def comparison_table(folders: list[ModelFolder], settings: Compare) -> pd.DataFrame:
    """A row per model, best validation macro-F1 first: what it is, then every metric of every split.

    Accuracy and macro-F1 carry their 95 % bootstrap interval in ``<name>.low`` and ``<name>.high``.
    """
    rows = []
    for folder in folders:
        said = ("title", "dataset", "fingerprint", "weights", "model_sha256", "epochs", "best_epoch", "parity")
        facts = {"model": folder.name} | {name: getattr(folder.run, name) for name in said}
        rows.append(facts | figures_of(folder, settings))
    table = pd.DataFrame(rows).astype({"params": int})
    return table.sort_values([SCORE, "model"], ascending=[False, True], ignore_index=True)


def figures_of(folder: ModelFolder, settings: Compare) -> dict[str, float]:
    """A model's metrics, and the ends of their intervals."""
    return folder.metrics | intervals(folder.predictions, folder.classes, settings)


def intervals(predictions: pd.DataFrame, classes: tuple[str, ...], settings: Compare) -> dict[str, float]:
    """``<split>.<metric>.low`` and ``.high``: 95 % bootstrap intervals of accuracy and macro-F1, for every split."""
    ends: dict[str, float] = {}
    for split in Split:
        matrix = confusion_of(predictions, classes, split)
        for metric, (low, high) in bootstrap_intervals(matrix, settings.bootstrap, settings.seed).items():
            ends |= {f"{split}.{metric}.low": low, f"{split}.{metric}.high": high}
    return ends


def validation_gain(folder: ModelFolder, other: ModelFolder, settings: Compare) -> tuple[float, float, float]:
    """How much higher a model's macro-F1 on validation is than another's, with the ends of the 95 % interval.

    Args:
        folder: the model's.
        other: the other's, of the same data.
        settings: of the bootstrap.
    """
    (labels, own), (_, others) = (model.scored(Split.VALIDATION) for model in (folder, other))
    predicted, against = own.argmax(axis=1), others.argmax(axis=1)
    return macro_f1_difference(labels, predicted, against, len(folder.classes), settings.bootstrap, settings.seed)


def sample_of(
    folders: list[ModelFolder], dataset: FaceDataset, count: int
) -> tuple[np.ndarray, list[str], dict[str, list[str]]]:
    """A few test faces uint8 ``[N, 48, 48]``, their labels, and what each model predicted of them, by its title."""
    rows = dataset.examples(count)
    predicted = {folder.run.title: folder.predictions.set_index("row")["predicted"].loc[rows] for folder in folders}
    labels = dataset.table["emotion"].loc[rows].tolist()
    return np.asarray(dataset.images[rows]), labels, {title: column.tolist() for title, column in predicted.items()}


def with_latency(table: pd.DataFrame, folders: list[ModelFolder]) -> pd.DataFrame:
    """The table with a column ``latency_ms``: one face in ONNX Runtime, all models measured in the same run."""
    measured = measure_latency({folder.name: folder.onnx for folder in folders})
    return table.assign(latency_ms=table["model"].map(measured))
