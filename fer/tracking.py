"""MLflow: runs, the comparison and the registry. Logging is idempotent: a run is found again by its model."""

import contextlib
import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
from filelock import FileLock
from mlflow.entities import Metric, Param, RunTag
from mlflow.models import ModelSignature
from mlflow.tracking.context.registry import resolve_tags
from mlflow.types import Schema, TensorSpec
from mlflow.utils.time import get_current_time_millis
from sqlalchemy.exc import SQLAlchemyError

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.metrics import confusion
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.figures.training import confusion_matrix, learning_curves, sample_predictions
from fer.inference.face_size import FACE_SIZE
from fer.job import Job
from fer.params import Tracking

JOB_TAG, MODEL_TAG, FINGERPRINT_TAG = "fer.job", "fer.model_sha256", "fer.fingerprint"
#: Faces in a run's picture of sample predictions.
FACES = 14
CHAMPION, PREVIOUS = "champion", "previous"


class Tracker:
    """The tracking store and registry of one project.

    Args:
        settings: the URI (``MLFLOW_TRACKING_URI`` comes first where set), experiment and registered model's name.

    Raises:
        UserError: when the store cannot be opened.
    """

    def __init__(self, settings: Tracking):
        uri = settings.address
        path = Path(uri.removeprefix("sqlite:///"))
        self.model_name = settings.model
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        local = uri.startswith("sqlite:///")
        try:
            with _opened_alone(path) if local else contextlib.nullcontext():
                mlflow.set_tracking_uri(uri)
                self.client = mlflow.MlflowClient()
                experiment = self.client.get_experiment_by_name(settings.experiment)
                if experiment is None:
                    # A file store's default is a folder of the process's own; a server knows its artifact root.
                    root = (path.parent / "mlartifacts").absolute().as_uri() if local else None
                    self.experiment_id = self.client.create_experiment(settings.experiment, artifact_location=root)
                else:
                    self.experiment_id = experiment.experiment_id
        except (mlflow.MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            reason = " ".join(str(error).split())[:160]
            raise UserError(f"MLflow at {uri}: {reason}; set tracking.uri or MLFLOW_TRACKING_URI") from error

    def open_run(self, job: Job, dataset: str, run_id: str | None = None, name: str | None = None) -> str:
        """Start a run for a training, by its own name or another, or go on with run ``run_id`` where the store has it.

        Returns:
            The run's id.
        """
        if run_id is not None:
            with contextlib.suppress(mlflow.MlflowException):  # another store: the history is logged there anew
                self.client.update_run(run_id, status="RUNNING")
                return run_id
        tags = {JOB_TAG: job.key, FINGERPRINT_TAG: job.fingerprint, "dataset": dataset}
        run = self.client.create_run(self.experiment_id, tags=resolve_tags(tags), run_name=name or job.name)
        run_id = run.info.run_id
        values: dict[str, Any] = {"architecture": job.architecture, "dataset": dataset, "fingerprint": job.fingerprint}
        values |= {"classes": " ".join(job.classes), "seed": job.seed} | _flat(job.recipe.model_dump())
        values |= _flat(asdict(job.teacher), "teacher.") if job.teacher else {}
        self.client.log_batch(run_id, params=[Param(name, str(value)) for name, value in values.items()])
        return run_id

    def log_history(self, run_id: str, rows: list[dict[str, float]]) -> None:
        """Log epochs' rows as curves; a row that is there already is not logged twice."""
        have = {metric.step for metric in self.client.get_metric_history(run_id, "epoch.loss")}
        now = get_current_time_millis()
        metrics = [
            Metric(f"epoch.{name}", value, now, int(row["epoch"]))
            for row in rows
            if int(row["epoch"]) not in have
            for name, value in row.items()
            if name != "epoch"
        ]
        for start in range(0, len(metrics), 1000):
            self.client.log_batch(run_id, metrics[start : start + 1000])

    def finish_run(self, run_id: str, folder: ModelFolder, dataset: FaceDataset) -> None:
        """Log what the training left: metrics, figures, files and the ONNX model with its signature; end the run."""
        now = get_current_time_millis()
        run = folder.run
        metrics = [Metric(name, value, now, 0) for name, value in folder.metrics.items()]
        tags = [RunTag("weights", run.weights), RunTag("best_epoch", str(run.best_epoch))]
        self.client.log_batch(run_id, metrics, params=[Param("weights", run.weights)], tags=tags)
        with tempfile.TemporaryDirectory() as figures:
            _draw(folder, dataset, Path(figures))
            self.client.log_artifacts(run_id, figures, "figures")
        for name in ("run.json", "metrics.json", "history.csv", "predictions.parquet"):
            self.client.log_artifact(run_id, str(folder.path / name))
        self._log_model(run_id, folder)
        self.client.set_tag(run_id, MODEL_TAG, run.model_sha256)
        self.client.set_terminated(run_id)

    def ensure_run(self, folder: ModelFolder, dataset: FaceDataset) -> str:
        """The id of the finished run of the model in ``folder``; written from its files where the store lacks it."""
        run_id = self.find_run(folder)
        if run_id is None:
            run_id = self.open_run(folder.job, dataset.name)
            self.log_history(run_id, folder.rows)
            self.finish_run(run_id, folder, dataset)
        return run_id

    def find_run(self, folder: ModelFolder) -> str | None:
        """The newest finished run of a model by its own name: a repeat by the same seed is another's run."""
        wanted = {
            f"tags.`{MODEL_TAG}`": folder.run.model_sha256,
            f"tags.`{JOB_TAG}`": folder.job.key,
            "attributes.run_name": folder.name,
            "status": "FINISHED",
        }
        conditions = " and ".join(f"{name} = '{value}'" for name, value in wanted.items())
        found = self.client.search_runs([self.experiment_id], conditions, max_results=1)
        return found[0].info.run_id if found else None

    def log_metrics(self, run_id: str, metrics: dict[str, float]) -> None:
        """Log plain numbers of a finished run (latency, intervals)."""
        now = get_current_time_millis()
        self.client.log_batch(run_id, [Metric(name, value, now, 0) for name, value in metrics.items()])

    def champion(self) -> dict[str, str] | None:
        """The tags of the registry's champion (``architecture``, ``fingerprint``, ``validation.macro_f1`` ...)."""
        try:
            version = self.client.get_model_version_by_alias(self.model_name, CHAMPION)
        except mlflow.MlflowException:
            return None
        return dict(version.tags) | {"version": str(version.version)}

    def crown(self, run_id: str, tags: dict[str, str]) -> str:
        """Register the model of ``run_id`` with the alias champion; the one before keeps previous; the new version."""
        with contextlib.suppress(mlflow.MlflowException):  # it exists
            self.client.create_registered_model(self.model_name)
        models = self.client.search_logged_models([self.experiment_id], f"source_run_id = '{run_id}'")
        version = self.client.create_model_version(
            self.model_name, source=models[0].model_uri, run_id=run_id, tags=tags, model_id=models[0].model_id
        )
        reigning = self.champion()
        if reigning:
            self.client.set_registered_model_alias(self.model_name, PREVIOUS, reigning["version"])
        self.client.set_registered_model_alias(self.model_name, CHAMPION, version.version)
        return str(version.version)

    def describe_champion(self, tags: dict[str, str]) -> None:
        """Set tags of the champion."""
        version = self.client.get_model_version_by_alias(self.model_name, CHAMPION).version
        for name, value in tags.items():
            self.client.set_model_version_tag(self.model_name, version, name, value)

    def champion_model(self) -> Path:
        """The champion's ONNX file, fetched from the registry into a cache folder of MLflow's."""
        fetched = mlflow.artifacts.download_artifacts(f"models:/{self.model_name}@{CHAMPION}")
        return next(Path(fetched).glob("*.onnx"))

    def _log_model(self, run_id: str, folder: ModelFolder) -> None:
        signature = ModelSignature(
            inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, FACE_SIZE, FACE_SIZE), "faces")]),
            outputs=Schema([TensorSpec(np.dtype("float32"), (-1, len(folder.classes)), "probabilities")]),
        )
        with mlflow.start_run(run_id=run_id, log_system_metrics=False):
            mlflow.onnx.log_model(
                onnx.load(folder.onnx),
                name="model",
                signature=signature,
                pip_requirements=["onnxruntime", "numpy"],
                save_as_external_data=False,
                metadata={"classes": list(folder.classes), MODEL_TAG: folder.run.model_sha256},
            )


@contextlib.contextmanager
def _opened_alone(path: Path) -> Iterator[None]:
    """A database file, created where it is missing, that no other process opens meanwhile.

    MLflow's migrations of a fresh file break when two processes run them, and a broken file is tried for minutes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA schema_version")
        yield


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``a.b`` names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _draw(folder: ModelFolder, dataset: FaceDataset, target: Path) -> None:
    run = folder.run
    where = f"{run.title} on {dataset.name}"
    learning_curves(folder.history, run.best_epoch, where, target / "curves.png")
    for split in (Split.VALIDATION, Split.TEST):
        labels, probabilities = folder.scored(split)
        matrix = confusion(labels, probabilities.argmax(axis=1), len(folder.classes))
        confusion_matrix(matrix, folder.classes, f"{where}, {split}", target / f"confusion_{split}.png")
    rows = dataset.examples(FACES)
    answers = folder.predictions.set_index("row").loc[rows]
    sample_predictions(
        np.asarray(dataset.images[rows]),
        answers["emotion"].tolist(),
        {run.title: answers["predicted"].tolist()},
        f"Sample predictions on {dataset.name}, test",
        target / "samples.png",
    )
