"""What a training leaves behind: the files of ``models/<architecture>``."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation import evaluate
from fer.export import export_onnx, parity
from fer.files import replace_folder
from fer.models.registry import get_architecture
from fer.training.fit import Job, Trained, predict

#: Splits that a model is measured on; the last is the test split less the images that train holds a copy of.
SCORED = ("validation", "test", "test_without_copies")


@dataclass(frozen=True)
class ModelFolder:
    """A trained architecture on disk; every file's bytes depend on the job alone."""

    path: Path

    @property
    def onnx(self) -> Path:
        """The servable model: grey faces uint8 ``[N, 48, 48]`` in, probabilities float32 ``[N, C]`` out."""
        return self.path / "model.onnx"

    @cached_property
    def run(self) -> dict[str, Any]:
        """``run.json``: architecture, data set, recipe, weights source, seed, epochs, parity and digest.

        Raises:
            UserError: where the folder holds no complete training.
        """
        return self._json("run.json")

    @cached_property
    def metrics(self) -> dict[str, float]:
        """``metrics.json``: flat names, ``<split>.<metric>`` and ``params``."""
        return self._json("metrics.json")

    @cached_property
    def history(self) -> pd.DataFrame:
        """``history.csv``: one row per epoch."""
        return pd.read_csv(self.path / "history.csv")

    @property
    def rows(self) -> list[dict[str, float]]:
        """The history as one mapping per epoch."""
        return [{str(name): float(value) for name, value in row.items()} for row in self.history.to_dict("records")]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``predictions.parquet``: one row per validation and test image, with ``p.<emotion>`` columns."""
        return pd.read_parquet(self.path / "predictions.parquet")

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in code order."""
        return tuple(self.run["classes"])

    def scored(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Labels int64 ``[N]`` and probabilities float32 ``[N, C]`` of one of ``SCORED``."""
        return scored_rows(self.predictions, self.classes, split)

    def _json(self, name: str) -> dict[str, Any]:
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path / name}: not to be read ({error}); run the train stage again") from error


def scored_rows(predictions: pd.DataFrame, classes: tuple[str, ...], split: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels int64 ``[N]`` and probabilities float32 ``[N, C]`` of one of ``SCORED``, of a predictions table."""
    rows = predictions[predictions["split"] == split.removesuffix("_without_copies")]
    if split.endswith("_without_copies"):
        rows = rows[~rows["train_copy"]]
    labels = pd.Categorical(rows["emotion"], categories=list(classes)).codes.astype(np.int64)
    return labels, rows[[f"p.{name}" for name in classes]].to_numpy(np.float32)


def write_outputs(folder: Path, dataset: FaceDataset, job: Job, trained: Trained) -> ModelFolder:
    """Predict, measure, export, and put the whole folder into place at once.

    Raises:
        UserError: when the ONNX model and the Keras model differ, which a pipeline must not go on from.
    """
    rows = np.concatenate([dataset.rows("validation"), dataset.rows("test")])
    faces = np.asarray(dataset.images[rows])
    probabilities = predict(trained.model, faces)
    table = dataset.table.loc[rows, ["source_id", "split", "emotion", "train_copy"]].reset_index(names="row")
    table["predicted"] = [job.classes[code] for code in probabilities.argmax(axis=1)]
    for code, name in enumerate(job.classes):
        table[f"p.{name}"] = probabilities[:, code]
    with replace_folder(folder) as fresh:
        export_onnx(trained.model, fresh / "model.onnx")
        trained.model.save_weights(fresh / "model.weights.h5")
        table.to_parquet(fresh / "predictions.parquet", index=False)
        pd.DataFrame(trained.progress.history).to_csv(fresh / "history.csv", index=False)
        _write_json(fresh / "metrics.json", _metrics(table, job.classes, trained.model))
        run = {
            "architecture": job.architecture,
            "title": get_architecture(job.architecture).title,
            "dataset": dataset.name,
            "fingerprint": dataset.fingerprint,
            "classes": list(job.classes),
            "seed": job.seed,
            "recipe": job.recipe.model_dump(),
            "weights": trained.weights,
            "preprocessing": trained.preprocessing,
            "epochs": trained.progress.epochs,
            "best_epoch": trained.progress.best_epoch,
            "parity": parity(fresh / "model.onnx", faces, probabilities),
            "model_sha256": hashlib.sha256((fresh / "model.onnx").read_bytes()).hexdigest(),
            "software": {name: version(name) for name in ("keras", "numpy", "onnx")}
            | {"backend": keras.backend.backend()},
            "job": job.key,
        }
        _write_json(fresh / "run.json", run)
    return ModelFolder(folder)


def _metrics(table: pd.DataFrame, classes: tuple[str, ...], model: keras.Model) -> dict[str, float]:
    metrics: dict[str, float] = {"params": model.count_params()}
    for split in SCORED:
        scores = evaluate(*scored_rows(table, classes, split), classes)
        metrics |= {f"{split}.{name}": value for name, value in scores.items()}
    return metrics


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
