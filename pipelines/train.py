"""Stage 4: train one architecture."""

import contextlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
from mlflow.utils.git_utils import get_git_commit
from prefect import flow

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.run_facts import Provenance
from fer.files import write_text
from fer.job import Job
from fer.params import Params, load_params
from fer.tracking import Tracker
from fer.training.checkpoint import Checkpoint
from fer.training.fit import Trained, fit
from fer.training.machine import accelerator
from fer.training.progress import EpochBar, epoch_line
from fer.training.state import Origin, Progress
from fer.training.teaching import ConsistentTeacher
from pipelines import paths
from pipelines.environment import EXPORTER
from pipelines.flows import network_task, task
from pipelines.jobs import make_job
from pipelines.recipes import check_settings
from pipelines.reporting import say
from pipelines.tracking import open_tracker


@flow(flow_run_name="train {architecture}")
def train(architecture: str) -> None:
    """Train one architecture.

    Raises:
        UserError: for one that params.yaml does not name, or settings that the recipes stage has not written yet.
    """
    params = load_params()
    params.recipe(architecture)
    if architecture not in params.train.architectures:
        raise UserError(f"params.yaml: train.architectures: does not name {architecture!r}; add it")
    check_settings(params, architecture)
    dataset = FaceDataset.load(paths.DATASET)
    job = make_job(params, dataset, architecture)
    train_job(params, dataset, job, job.name, paths.MODELS / architecture, ["train", architecture])


def train_job(
    params: Params,
    dataset: FaceDataset,
    job: Job,
    name: str,
    path: Path,
    command: list[str],
    targets: np.ndarray | None = None,
    teacher: ConsistentTeacher | None = None,
) -> None:
    """Fit, save and log one job; an interrupted training goes on at its last epoch.

    With ``KERAS_BACKEND`` jax or torch the epochs run there; the model's files are written by TensorFlow.

    Args:
        params: weights' folder and tracking store.
        dataset: what is trained on.
        job: what is trained.
        name: what lines and runs call it.
        path: the folder of its files.
        command: the words after ``python -m pipelines`` that run it.
        targets: of ``fer.training.fit.fit``.
        teacher: of the same.
    """
    checkpoint = Checkpoint(paths.STATE / "checkpoints" / f"{name}-{job.key}")
    tracker = open_tracker(params.tracking)
    try:
        trained = fit_epochs(params, dataset, job, name, checkpoint, tracker, targets, teacher)
        if keras.backend.backend() != EXPORTER:
            # The run goes on in the process that writes the files, and so does the log of the machine's load.
            tracker.stop_monitors()
            return finish_with_tensorflow(command, checkpoint)
        folder = save(path, dataset, job, trained)
        log(tracker, job, name, trained.progress, folder, dataset)
    except BaseException as error:
        # Why it ended is what is told, not that the store could not be reached afterwards.
        with contextlib.suppress(UserError):
            tracker.end_unfinished("FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    finally:
        tracker.stop_monitors()
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    scores = folder.metrics
    say(
        f"{command[0]}: {name} on {dataset.name}: epoch {folder.run.best_epoch} kept, validation accuracy "
        f"{scores['validation.accuracy']:.3f}, macro-F1 {scores['validation.macro_f1']:.3f}"
    )


@network_task
def fit_epochs(
    params: Params,
    dataset: FaceDataset,
    job: Job,
    name: str,
    checkpoint: Checkpoint,
    tracker: Tracker,
    targets: np.ndarray | None,
    teacher: ConsistentTeacher | None,
) -> Trained:
    """Every epoch, logged to MLflow as it ends."""
    commit = get_git_commit(".") or "unknown"

    def on_epoch(progress: Progress) -> None:
        origin = progress.origin = progress.origin or Origin(commit, os.cpu_count() or 1, accelerator())
        origin.run_id = tracker.open_run(job, dataset.name, origin.run_id, name)
        tracker.log_history(origin.run_id, progress.history)
        say(f"{name}: {epoch_line(progress)}")

    def on_warning(line: str) -> None:
        say(f"warning: {line}")

    def watch(progress: Progress, steps: int) -> list[keras.callbacks.Callback]:
        return [EpochBar(name, progress, steps)]

    return fit(
        dataset,
        job,
        params.train.weights_folder,
        checkpoint,
        on_epoch,
        on_warning,
        watch,
        targets,
        params.train.start if job.start else None,
        teacher,
    )


@task
def finish_with_tensorflow(command: list[str], checkpoint: Checkpoint) -> None:
    """The same command by TensorFlow, which finds all epochs done.

    Raises:
        UserError: where TensorFlow is not installed, or it fails and has said why.
    """
    if find_spec(EXPORTER) is None:
        raise UserError(
            f"{command[1]}: trained, but ONNX is written by TensorFlow, which is not installed here; copy "
            f"{checkpoint.folder} to the same place of a project that has it, and run the same command there"
        )
    again = [sys.executable, "-m", "pipelines", *command]
    if subprocess.run(again, env=os.environ | {"KERAS_BACKEND": EXPORTER}, check=False).returncode:
        raise UserError(f"{command[1]}: trained, but its files were not written: the message above says why")


@task
def save(
    path: Path, dataset: FaceDataset, job: Job, trained: Trained, software: dict[str, str] | None = None
) -> ModelFolder:
    """The stage's outputs, put into place at once; ``software`` is what trained, where that was another machine's."""
    from fer.training.save import write_outputs  # it imports TensorFlow

    return write_outputs(path, dataset, job, trained, software)


@network_task
def log(tracker: Tracker, job: Job, name: str, progress: Progress, folder: ModelFolder, dataset: FaceDataset) -> None:
    """The finished run in MLflow; beside the model its id, the commit of the code that trained, and the time taken."""
    # Where the epochs ran on another machine, its run is not in this store.
    origin = progress.origin
    run_id = tracker.open_run(job, dataset.name, origin.run_id if origin else None, name)
    tracker.log_history(run_id, progress.history)
    tracker.finish_run(run_id, folder, dataset)
    told = Provenance(
        run_id=run_id,
        model_sha256=folder.run.model_sha256,
        commit=origin.commit if origin else "unknown",
        minutes=round(sum(progress.seconds) / 60, 1),
        cores=str(origin.cores) if origin else None,
        accelerator=origin.accelerator if origin else "",
    )
    write_text(folder.path / "mlflow.json", told.to_json())
