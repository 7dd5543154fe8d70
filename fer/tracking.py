"""MLflow: runs and the comparison. Logging is idempotent: a run is found again by its model."""

import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Dataset, DatasetInput, InputTag, LifecycleStage, Metric, Param, Run, RunTag
from mlflow.models import ModelSignature
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.tracking.context.registry import resolve_tags
from mlflow.types import Schema, TensorSpec
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_PARENT_RUN_ID
from mlflow.utils.time import get_current_time_millis

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import sample_of
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.figures.training import confusion_matrix, learning_curves, sample_predictions
from fer.job import Job
from fer.pipeline_run import PIPELINE_RUN, PIPELINE_RUN_ID
from fer.sections import Tracking
from fer.store import Store, if_there, told

JOB_TAG, MODEL_TAG, FINGERPRINT_TAG = "fer.job", "fer.model_sha256", "fer.fingerprint"
#: Which gates of promotion the run's model failed.
GATES_TAG = "fer.gates"
#: Every run of one ``retrain`` has its name, by which the comparison is filtered; their parent alone has its id.
PIPELINE_TAG, PARENT_TAG = "fer.pipeline_run", "fer.pipeline_run_id"
#: Seconds between two samples of the machine's load.
SAMPLED_EVERY = 30
#: Faces in a run's picture of sample predictions.
FACES = 14


class Tracker:
    """The runs of one project.

    Every method raises UserError, in one line, where the store fails.

    Args:
        settings: of the store.

    Raises:
        UserError: when the store cannot be opened.
    """

    def __init__(self, settings: Tracking) -> None:
        self.store = Store(settings)
        self.client = self.store.client
        self._monitors: dict[str, SystemMetricsMonitor] = {}
        self._unfinished: set[str] = set()
        self._parent: str | None = None

    @told
    def open_run(self, job: Job, dataset: str, run_id: str | None = None, name: str | None = None) -> str:
        """Start a run for a training, by its own name or another, or go on with run ``run_id`` where the store has it.

        The run belongs to the pipeline's run that started this process, where one did (``FER_PIPELINE_RUN_ID``). What
        the training takes of the machine is logged every ``SAMPLED_EVERY`` seconds until ``finish_run`` or
        ``stop_monitors``.

        Returns:
            The run's id.
        """
        run_id = self._start(job, dataset, run_id, name)
        self._unfinished.add(run_id)
        if run_id not in self._monitors:
            monitor = SystemMetricsMonitor(run_id, SAMPLED_EVERY, resume_logging=True, tracking_uri=self.store.uri)
            monitor.start()
            self._monitors[run_id] = monitor
        return run_id

    def _start(self, job: Job, dataset: str, run_id: str | None = None, name: str | None = None) -> str:
        pipeline = self._pipeline_tags()
        # A run of another store is not here, and one that was deleted takes nothing more: the history is logged anew.
        run = run_id and if_there(self.client.get_run, run_id)
        if run and run.info.lifecycle_stage == LifecycleStage.ACTIVE:
            self.client.update_run(run.info.run_id, status="RUNNING")
            for tag, value in pipeline.items() - run.data.tags.items():
                self.client.set_tag(run.info.run_id, tag, value)
            return run.info.run_id
        tags = {JOB_TAG: job.key, FINGERPRINT_TAG: job.fingerprint, "dataset": dataset} | pipeline
        run_id = self._create_run(name or job.name, tags).info.run_id
        values: dict[str, Any] = {"architecture": job.architecture, "dataset": dataset, "fingerprint": job.fingerprint}
        values |= {"classes": " ".join(job.classes), "seed": job.seed} | _flat(job.recipe.model_dump())
        values |= _flat(asdict(job.teacher), "teacher.") if job.teacher else {}
        values |= _flat(asdict(job.start), "start.") if job.start else {}
        self.client.log_batch(run_id, params=[Param(name, str(value)) for name, value in values.items()])
        self.client.log_inputs(run_id, [_input(dataset, job.fingerprint)])
        return run_id

    def _pipeline_tags(self) -> dict[str, str]:
        """The tags of a run that the pipeline's present run writes: its name, and the run that stands for it as parent.

        The parent is made with the first of its runs; ``end_pipeline`` ends it.
        """
        identity = os.environ.get(PIPELINE_RUN_ID)
        if not identity:
            return {}
        name = os.environ.get(PIPELINE_RUN, identity)
        if self._parent is None:
            self.begin_pipeline(name, identity)
        return {PIPELINE_TAG: name, MLFLOW_PARENT_RUN_ID: str(self._parent)}

    @told
    def begin_pipeline(self, name: str, identity: str) -> None:
        """Make the run that stands for a run of the pipeline, where it is not there yet.

        Args:
            name: of the run.
            identity: what its processes know as ``FER_PIPELINE_RUN_ID``.
        """
        with self.store.alone():  # architectures that train at the same time have one parent
            found = self._parents(identity)
            tags = {PARENT_TAG: identity, PIPELINE_TAG: name}
            parent = found[0] if found else self._create_run(name, tags)
        self._parent = parent.info.run_id

    def _parents(self, identity: str) -> list[Run]:
        """The run that stands for a pipeline's run: one, or none."""
        return list(self.client.search_runs([self.store.experiment_id], f"tags.`{PARENT_TAG}` = '{identity}'"))

    @told
    def end_pipeline(self, identity: str, status: str) -> None:
        """End the run that stands for a run of the pipeline; nothing is done where no training has made one.

        Args:
            identity: what its processes know as ``FER_PIPELINE_RUN_ID``.
            status: FINISHED, FAILED or KILLED.
        """
        for parent in self._parents(identity):
            self.client.set_terminated(parent.info.run_id, status)

    @told
    def end_unfinished(self, status: str) -> None:
        """End the runs that were opened here and not finished; a training that goes on later opens its run again.

        Args:
            status: FAILED or KILLED.
        """
        self.stop_monitors()
        while self._unfinished:
            self.client.set_terminated(self._unfinished.pop(), status)

    def stop_monitors(self) -> None:
        """Log no more of the machine's load, whether or not the runs that it is logged for have ended."""
        while self._monitors:
            self._monitors.popitem()[1].finish()

    def _create_run(self, name: str, tags: dict[str, str]) -> Run:
        return self.client.create_run(self.store.experiment_id, tags=resolve_tags(tags), run_name=name)

    @told
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

    @told
    def finish_run(self, run_id: str, folder: ModelFolder, dataset: FaceDataset) -> None:
        """Log what the training left: metrics, figures, files and the ONNX model with its signature; end the run."""
        if run_id in self._monitors:
            self._monitors.pop(run_id).finish()
        now = get_current_time_millis()
        run = folder.run
        # The model's own page and its version's in the registry show the metrics and the data set of their model.
        of = {"model_id": self._log_model(run_id, folder, dataset)}
        of |= {"dataset_name": dataset.name, "dataset_digest": dataset.fingerprint}
        metrics = [Metric(name, value, now, 0, **of) for name, value in folder.metrics.items()]
        tags = [RunTag("weights", run.weights), RunTag("best_epoch", str(run.best_epoch))]
        self.client.log_batch(run_id, metrics, params=[Param("weights", run.weights)], tags=tags)
        with tempfile.TemporaryDirectory() as figures:
            _draw(folder, dataset, Path(figures))
            self.client.log_artifacts(run_id, figures, "figures")
        for name in ("run.json", "metrics.json", "history.csv", "predictions.parquet"):
            self.client.log_artifact(run_id, str(folder.path / name))
        self.client.set_tag(run_id, MODEL_TAG, run.model_sha256)
        self.client.set_terminated(run_id)
        self._unfinished.discard(run_id)

    @told
    def ensure_run(self, folder: ModelFolder, dataset: FaceDataset) -> str:
        """The id of the finished run of the model in ``folder``; written from its files where the store lacks it."""
        run_id = self.find_run(folder)
        if run_id is None:
            run_id = self._start(folder.job, dataset.name)
            self.log_history(run_id, folder.rows)
            self.finish_run(run_id, folder, dataset)
        return run_id

    @told
    def find_run(self, folder: ModelFolder) -> str | None:
        """The newest finished run of a model by its own name: a repeat by the same seed is another's run."""
        wanted = {
            f"tags.`{MODEL_TAG}`": folder.run.model_sha256,
            f"tags.`{JOB_TAG}`": folder.job.key,
            "attributes.run_name": folder.name,
            "status": "FINISHED",
        }
        conditions = " and ".join(f"{name} = '{value}'" for name, value in wanted.items())
        found = self.client.search_runs([self.store.experiment_id], conditions, max_results=1)
        return found[0].info.run_id if found else None

    @told
    def log_metrics(self, run_id: str, metrics: dict[str, float]) -> None:
        """Log plain numbers of a finished run (latency, intervals)."""
        now = get_current_time_millis()
        self.client.log_batch(run_id, [Metric(name, value, now, 0) for name, value in metrics.items()])

    @told
    def note_gates(self, run_id: str, table: str, verdict: str) -> None:
        """Keep with a finished run what the gates of promotion said.

        Args:
            run_id: of the run.
            table: of every gate for every candidate, in Markdown.
            verdict: of this run's model, in words; it becomes the run's tag.
        """
        self.client.log_text(run_id, table, "gates.md")
        self.client.set_tag(run_id, GATES_TAG, verdict)

    @told
    def note_data(self, run_id: str, changes: str) -> None:
        """Keep with a finished run, in Markdown, what changed in the data since the champion's."""
        self.client.log_text(run_id, changes, "data_changes.md")

    def _log_model(self, run_id: str, folder: ModelFolder, dataset: FaceDataset) -> str:
        """The id of the logged model."""
        signature = ModelSignature(
            inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, *dataset.images.shape[1:]), "faces")]),
            outputs=Schema([TensorSpec(np.dtype("float32"), (-1, len(folder.classes)), "probabilities")]),
        )
        with mlflow.start_run(run_id=run_id, log_system_metrics=False):
            logged = mlflow.onnx.log_model(
                onnx.load(folder.onnx),
                name="model",
                signature=signature,
                input_example=np.asarray(dataset.images[dataset.examples(1)]),
                pip_requirements=["onnxruntime", "numpy"],
                save_as_external_data=False,
                metadata={"classes": list(folder.classes), MODEL_TAG: folder.run.model_sha256},
            )
        return str(logged.model_id)


def _input(name: str, fingerprint: str) -> DatasetInput:
    """A data set as the input of a training; it comes from the code's ingest stage."""
    described = MetaDataset(CodeDatasetSource(resolve_tags()), name=name, digest=fingerprint).to_dict()
    return DatasetInput(Dataset.from_dictionary(described), [InputTag(MLFLOW_DATASET_CONTEXT, "training")])


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
        path = target / f"confusion_{split}.png"
        confusion_matrix(folder.confusion(split), folder.classes, f"{where}, {split}", path)
    title = f"Sample predictions on {dataset.name}, test"
    sample_predictions(*sample_of([folder], dataset, FACES), title, target / "samples.png")
