"""Fit one architecture by one recipe."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fer.data.dataset import FaceDataset
from fer.evaluation.calibration import best_temperature
from fer.job import Job
from fer.models.common.registry import Architecture, get_architecture
from fer.models.common.weights import PretrainedFile
from fer.training.batches import Batches
from fer.training.beginning import (
    build,
    check,
    find_pretrained,
    load_pretrained,
    load_start,
    make_deterministic,
    preprocessing_of,
)
from fer.training.checkpoint import Checkpoint, code_digest
from fer.training.epoch import EpochState, fit_epoch, predict
from fer.training.memory import keep_freed_memory
from fer.training.optimizer import ALL, HEAD, compile_phase
from fer.training.precision import FULL, faster_precision
from fer.training.state import RANDOM, Progress, Saved, model_variables, write
from fer.training.teaching import ConsistentTeacher

#: Faces uint8 ``[N, S, S]`` and labels int64 ``[N]``.
LabelledFaces = tuple[np.ndarray, np.ndarray]
#: Gives what watches an epoch's batches, by the progress before it and the number of its batches.
Watch = Callable[[Progress, int], list[keras.callbacks.Callback]]


@dataclass(frozen=True)
class Trained:
    """A trained classifier and how it came about.

    Attributes:
        model: float32, with the best epoch's weights, calibrated on validation.
        weights: what it began from, ``random``, the pretrained file's label or the model of the job's ``start``.
        preprocessing: the key of ``PREPROCESSINGS``.
        temperature: what its logits are divided by.
        progress: the finished training.
    """

    model: keras.Model
    weights: str
    preprocessing: str
    temperature: float
    progress: Progress


def fit(
    dataset: FaceDataset,
    job: Job,
    weights_folder: Path | None,
    checkpoint: Checkpoint,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
    on_warning: Callable[[str], None] = lambda message: None,
    watch: Watch = lambda progress, steps: [],
    targets: np.ndarray | None = None,
    start: Path | None = None,
    teacher: ConsistentTeacher | None = None,
) -> Trained:
    """Fit the network, or go on where an interrupted training stopped.

    Transfer has two phases: ``head_epochs`` of the new head on the frozen backbone, then ``epochs`` of everything.
    Each has its own peak of the learning rate and its own schedule.

    Args:
        dataset: trained on its train split; the epoch with the lowest log-loss of calibrated predictions on its
            validation split is kept, with the moving average of its weights where the recipe asks for one.
        job: the architecture, recipe and seed.
        weights_folder: where pretrained files are looked for first.
        checkpoint: written after every epoch and read at the start.
        on_epoch: called after every epoch, before the checkpoint is written; may set the progress's ``origin``.
        on_warning: called with a line where pretrained weights were wanted and cannot be had, or a checkpoint is of
            other code.
        watch: called before every epoch; its callbacks see every batch and change nothing.
        targets: float32 ``[N, C]``, rows that sum to 1: what is to be predicted of the train split's images, in
            the data set's order, where that is not their labels.
        start: the weights' file of the job's ``start``.
        teacher: the job's ``teacher``, where it predicts every view.

    Raises:
        UserError: for missing or wrong weights to begin from, a class without images, a batch larger than the train
            split, a damaged checkpoint, or a loss that diverges or is no longer finite.
    """
    keep_freed_memory()
    make_deterministic()
    architecture = get_architecture(job.architecture)
    faces, labels = _split(dataset, "train")
    check(job, labels)
    model, source, saved = _begin(job, architecture, faces, weights_folder, start, checkpoint, on_warning)
    held_out = _split(dataset, "validation")
    if targets is None:
        targets = np.eye(len(job.classes), dtype=np.float32)[labels]
    _fit_epochs(model, job, (faces, labels, targets), held_out, saved, checkpoint, on_epoch, watch, teacher)
    return _finish(model, job, architecture, source, saved, held_out)


def _begin(
    job: Job,
    architecture: Architecture,
    faces: np.ndarray,
    weights_folder: Path | None,
    start: Path | None,
    checkpoint: Checkpoint,
    on_warning: Callable[[str], None],
) -> tuple[keras.Model, PretrainedFile | None, Saved]:
    """The model as the checkpoint left it, or before its first epoch; what it began from; and the training's state."""
    saved = _load(checkpoint, job, on_warning)
    if saved:
        source = _source(job, architecture, saved.progress.weights)
        model = build(job, architecture, source, saved.progress.precision, faces.shape[1])
        write(model_variables(model), saved.model)
        return model, source, saved
    source, path = _source(job, architecture), None
    if not job.start:
        source, path = find_pretrained(job, architecture, weights_folder, on_warning)
    precision = _precision(job, architecture, source, faces)
    model = build(job, architecture, source, precision, faces.shape[1])
    if source and path:
        load_pretrained(model, source, path, faces, job.seed)
    if start:
        load_start(model, start)
    code = code_digest(job.architecture)
    began = job.start.model if job.start else source.name if source else RANDOM
    begun = Progress(weights=began, precision=precision, code=code)
    return model, source, Saved(begun, [], [], [])


def _source(job: Job, architecture: Architecture, name: str = "") -> PretrainedFile | None:
    """The pretrained file of that name; of a job that goes on from a model, one of the model's preprocessing."""
    if job.start:
        files = (file for file in architecture.pretrained if file.preprocessing == job.start.preprocessing)
    else:
        files = (file for file in architecture.pretrained if file.name == name)
    return next(files, None)


def _finish(
    model: keras.Model,
    job: Job,
    architecture: Architecture,
    source: PretrainedFile | None,
    saved: Saved,
    held_out: LabelledFaces,
) -> Trained:
    """The best epoch's weights in float32, calibrated on the validation split."""
    # The network that was trained has its graph already: seconds for a deep one.
    size = held_out[0].shape[1]
    measured = model if saved.progress.precision == FULL else build(job, architecture, source, FULL, size)
    measured.set_weights(saved.best)
    temperature = best_temperature(held_out[1], predict(measured, held_out[0]))
    final = build(job, architecture, source, FULL, size, temperature)
    final.set_weights(saved.best)
    return Trained(
        final,
        job.start.model if job.start else source.label if source else RANDOM,
        preprocessing_of(architecture, source),
        temperature,
        saved.progress,
    )


def _fit_epochs(
    model: keras.Model,
    job: Job,
    train_split: tuple[np.ndarray, np.ndarray, np.ndarray],
    held_out: LabelledFaces,
    saved: Saved,
    checkpoint: Checkpoint,
    on_epoch: Callable[[Progress], None],
    watch: Watch,
    teacher: ConsistentTeacher | None,
) -> None:
    """The epochs that are missing, each with its checkpoint; ``saved`` is the state before and after."""
    progress, recipe = saved.progress, job.recipe
    # A model that is gone on from has a head that knows the classes.
    head_epochs = recipe.head_epochs if progress.weights != RANDOM and not job.start else 0
    progress.total = head_epochs + recipe.epochs
    compiled = ""
    while progress.epochs < progress.total:
        start = time.monotonic()
        phase = HEAD if progress.epochs < head_epochs else ALL
        batches = Batches(*train_split, recipe, job.seed, progress.epochs, progress.total, teacher)
        if phase != compiled:
            compile_phase(model, recipe, phase, len(batches))
            if phase == progress.phase:
                write(model.optimizer.variables, saved.optimizer)
            compiled = progress.phase = phase
        state = EpochState()
        row = fit_epoch(model, batches, held_out, state, progress, watch(progress, len(batches)))
        progress.epochs += 1
        progress.backend = keras.backend.backend()
        progress.history.append(row)
        saved.keep_best(model, row["validation.loss"])
        saved.model, saved.optimizer = state.model_values, state.optimizer_values
        write(model_variables(model), saved.model)
        write(model.optimizer.variables, saved.optimizer)
        progress.seconds.append(time.monotonic() - start)
        on_epoch(progress)
        checkpoint.save(saved)


def _load(checkpoint: Checkpoint, job: Job, on_warning: Callable[[str], None]) -> Saved | None:
    """The checkpoint, unless other code wrote it: two programs' epochs make no training."""
    saved = checkpoint.load()
    if saved and saved.progress.code != code_digest(job.architecture):
        on_warning(f"{job.architecture}: the code has changed since the checkpoint; the training begins anew")
        return None
    return saved


def _split(dataset: FaceDataset, split: str) -> LabelledFaces:
    """Faces uint8 ``[N, S, S]`` in memory and labels int64 ``[N]``."""
    rows = dataset.rows(split)
    return np.asarray(dataset.images[rows]), dataset.labels[rows]


def _precision(job: Job, architecture: Architecture, source: PretrainedFile | None, faces: np.ndarray) -> str:
    """The recipe's precision; where it leaves the choice, the faster one here."""
    if job.recipe.precision != "auto":
        return job.recipe.precision
    faster = faster_precision(
        lambda policy: build(job, architecture, source, policy, faces.shape[1]),
        job.recipe,
        faces,
        len(job.classes),
    )
    # Keras counts layers' names, which stand in the weights' file, from the start again.
    keras.utils.clear_session()
    return faster
