"""What a training leaves behind: the files of ``models/<architecture>``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from fer.errors import UserError
from fer.evaluation.metrics import evaluate
from fer.files import read_json
from fer.job import Job

#: Answers that a model is measured by: a split's, those of test less the images that train holds a copy of, and those
#: averaged over ten views of every face (test-time augmentation).
SCORED = ("validation", "test", "test_without_copies", "validation_ten_views", "test_ten_views")
#: Columns of the predictions: one answer a face, and the mean of ten.
PLAIN, TEN_VIEWS = "p.", "ten."
#: What every run.json says beside what makes the job.
FACTS = frozenset(
    ("title", "dataset", "precision", "weights", "epochs", "best_epoch", "parity", "model_sha256", "software")
)
AGAIN = "run the train stage again"


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
        facts = read_json(self.path / "run.json", AGAIN)
        if missing := sorted(FACTS - facts.keys()):
            raise UserError(f"{self.path / 'run.json'}: lacks {', '.join(missing)}; {AGAIN}")
        return facts

    @cached_property
    def job(self) -> Job:
        """What was trained.

        Raises:
            UserError: where the folder was written by other code.
        """
        try:
            return Job.of(self.run)
        except (KeyError, TypeError, ValidationError) as error:
            raise UserError(f"{self.path / 'run.json'}: written by other code; {AGAIN}") from error

    @property
    def name(self) -> str:
        """What runs and tables call the model."""
        return self.job.name

    @cached_property
    def metrics(self) -> dict[str, float]:
        """``metrics.json``: flat names, ``<split>.<metric>`` and ``params``."""
        return read_json(self.path / "metrics.json", AGAIN)

    @cached_property
    def history(self) -> pd.DataFrame:
        """``history.csv``: one row per epoch."""
        return _table(self.path / "history.csv", pd.read_csv)

    @property
    def rows(self) -> list[dict[str, float]]:
        """The history as one mapping per epoch."""
        return [{str(name): float(value) for name, value in row.items()} for row in self.history.to_dict("records")]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``predictions.parquet``: one row per validation and test image, with ``p.`` and ``ten.<emotion>`` columns."""
        return _table(self.path / "predictions.parquet", pd.read_parquet)

    @cached_property
    def about(self) -> dict[str, Any]:
        """``mlflow.json``: MLflow's run, the code's commit, the epochs' minutes, and the machine that they ran on.

        Empty where the training did not run in this folder: DVC, which puts a model here, knows nothing of that file.
        """
        path = self.path / "mlflow.json"
        about = read_json(path, AGAIN) if path.is_file() else {}
        return about if about.get("model_sha256") == self.run["model_sha256"] else {}

    @property
    def commit(self) -> str:
        """The Git commit of the code that trained, or ``unknown``."""
        return self.about.get("commit", "unknown")

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in code order."""
        return tuple(self.run["classes"])

    def scored(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Labels int64 ``[N]`` and probabilities float32 ``[N, C]`` of one of ``SCORED``."""
        return scored_rows(self.predictions, self.classes, split)


def _table(path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: missing; {AGAIN}")
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not to be read ({' '.join(str(error).split())}); {AGAIN}") from error


def split_metrics(predictions: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, float]:
    """The metrics of every one of ``SCORED``, of a predictions table: ``<split>.<metric>``."""
    return {
        f"{split}.{name}": value
        for split in SCORED
        for name, value in evaluate(*scored_rows(predictions, classes, split), classes).items()
    }


def with_answers(
    table: pd.DataFrame, classes: tuple[str, ...], one_view: np.ndarray, ten_views: np.ndarray
) -> pd.DataFrame:
    """A predictions table of the same images with these answers: probabilities ``[N, C]`` from one view and from ten.

    ``predicted`` is the answer to one view.
    """
    filled = table.assign(predicted=[classes[code] for code in one_view.argmax(axis=1)])
    for columns, answers in ((PLAIN, one_view), (TEN_VIEWS, ten_views)):
        filled[[f"{columns}{name}" for name in classes]] = answers
    return filled


def scored_rows(predictions: pd.DataFrame, classes: tuple[str, ...], split: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels int64 ``[N]`` and probabilities float32 ``[N, C]`` of one of ``SCORED``, of a predictions table."""
    columns = TEN_VIEWS if split.endswith("_ten_views") else PLAIN
    split = split.removesuffix("_ten_views")
    rows = predictions[predictions["split"] == split.removesuffix("_without_copies")]
    if split.endswith("_without_copies"):
        rows = rows[~rows["train_copy"]]
    labels = pd.Categorical(rows["emotion"], categories=list(classes)).codes.astype(np.int64)
    return labels, rows[[f"{columns}{name}" for name in classes]].to_numpy(np.float32)
