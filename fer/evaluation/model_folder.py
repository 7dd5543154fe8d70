"""What a training leaves behind: the files of ``models/<architecture>``."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import ArrowException

from fer.errors import UserError
from fer.evaluation.predictions import Split, confusion_of, problem_of, scored_rows, split_metrics
from fer.evaluation.run_facts import Provenance, RunFacts
from fer.job import Job
from fer.schema import read_as

RUN, METRICS, HISTORY = "run.json", "metrics.json", "history.csv"
PREDICTIONS, PROVENANCE = "predictions.parquet", "mlflow.json"
AGAIN = "run the train stage again"


@dataclass(frozen=True)
class ModelFolder:
    """A trained architecture on disk. Every property reads its file once.

    Raises:
        UserError: at the property whose file is missing, damaged or foreign; one line with the remedy.
    """

    path: Path

    @property
    def onnx(self) -> Path:
        """The servable model: grey faces uint8 ``[N, 48, 48]`` in, probabilities float32 ``[N, C]`` out."""
        return self.path / "model.onnx"

    @cached_property
    def run(self) -> RunFacts:
        """``run.json``."""
        return read_as(RunFacts, self.path / RUN, AGAIN)

    @property
    def job(self) -> Job:
        """What was trained."""
        return self.run.trained

    @property
    def name(self) -> str:
        """What runs and tables call the model."""
        return self.job.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in code order."""
        return self.run.classes

    @cached_property
    def recorded_metrics(self) -> dict[str, float]:
        """``metrics.json``, as the code of its day wrote it: ``<split>.<metric>`` and ``params``; NaN of no images."""
        path = self.path / METRICS
        recorded = read_as(dict[str, float], path, AGAIN)
        if not recorded.get("params", math.nan).is_integer():
            raise UserError(f"{path}: params is missing or no whole number; {AGAIN}")
        return recorded

    @cached_property
    def metrics(self) -> dict[str, float]:
        """``<split>.<metric>``, computed from the predictions by today's code, and the number of ``params``."""
        return {"params": int(self.recorded_metrics["params"])} | split_metrics(self.predictions, self.classes)

    @cached_property
    def history(self) -> pd.DataFrame:
        """``history.csv``: one row per epoch."""
        return _table(self.path / HISTORY, pd.read_csv)

    @property
    def rows(self) -> list[dict[str, float]]:
        """The history as one mapping per epoch."""
        return [{str(name): float(value) for name, value in row.items()} for row in self.history.to_dict("records")]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``predictions.parquet``: one row per validation and test image (``fer.evaluation.predictions``)."""
        table = _table(self.path / PREDICTIONS, pd.read_parquet)
        if problem := problem_of(table, self.classes):
            raise UserError(f"{self.path / PREDICTIONS}: {problem}; {AGAIN}")
        return table

    @cached_property
    def provenance(self) -> Provenance | None:
        """``mlflow.json``; None where the training did not run in this folder.

        DVC, which puts a model here, knows nothing of that file: it may describe the model that was here before.
        """
        path = self.path / PROVENANCE
        provenance = read_as(Provenance, path, AGAIN) if path.is_file() else None
        return provenance if provenance and provenance.model_sha256 == self.run.model_sha256 else None

    @property
    def commit(self) -> str:
        """The Git commit of the code that trained, or ``unknown``."""
        return self.provenance.commit if self.provenance else "unknown"

    def scored(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Labels int64 ``[N]`` and probabilities float32 ``[N, C]`` of a split."""
        return scored_rows(self.predictions, self.classes, split)

    def confusion(self, split: Split) -> np.ndarray:
        """The confusion matrix int64 ``[C, C]`` of a split: rows are labels, columns predictions."""
        return confusion_of(self.predictions, self.classes, split)


def _table(path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: missing; {AGAIN}")
    try:
        return read(path)
    except (OSError, ValueError, ArrowException) as error:
        raise UserError(f"{path}: not to be read ({' '.join(str(error).split())}); {AGAIN}") from error
