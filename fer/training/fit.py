"""Fit one architecture by one recipe."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.calibration import best_temperature
from fer.job import Job
from fer.models.common.network import NETWORK, build_classifier
from fer.models.common.normalization import match_statistics
from fer.models.common.preprocessing import PREPARED
from fer.models.common.registry import BACKBONE, Architecture, get_architecture
from fer.models.common.weights import PretrainedFile, find_weights, load_backbone
from fer.training.batches import Batches
from fer.training.checkpoint import Checkpoint, code_digest
from fer.training.epoch import EpochState, fit_epoch, predict
from fer.training.memory import keep_freed_memory
from fer.training.optimizer import ALL, HEAD, compile_phase
from fer.training.precision import FULL, faster_precision
from fer.training.state import RANDOM, Progress, Saved, model_variables, write

#: Faces that pretrained batch normalisation is matched to.
MEASURED = 1024
#: Faces uint8 ``[N, 48, 48]`` and labels int64 ``[N]``.
LabelledFaces = tuple[np.ndarray, np.ndarray]
#: Gives what watches an epoch's batches, by the progress before it and the number of its batches.
Watch = Callable[[Progress, int], list[keras.callbacks.Callback]]


@dataclass(frozen=True)
class Trained:
    """A trained classifier and how it came about.

    Attributes:
        model: float32, with the best epoch's weights, calibrated on validation.
        weights: what it began from, ``random`` or the pretrained file's label.
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

    Raises:
        UserError: for missing or wrong pretrained weights, a class without images, a batch larger than the train split,
            a damaged checkpoint, or a loss that diverges or is no longer finite.
    """
    keep_freed_memory()
    _make_deterministic()
    architecture = get_architecture(job.architecture)
    faces, labels = _split(dataset, "train")
    _check(job, labels)
    model, source, saved = _begin(job, architecture, faces, weights_folder, checkpoint, on_warning)
    held_out = _split(dataset, "validation")
    if targets is None:
        targets = np.eye(len(job.classes), dtype=np.float32)[labels]
    _fit_epochs(model, job, (faces, labels, targets), held_out, saved, checkpoint, on_epoch, watch)
    return _finish(model, job, architecture, source, saved, held_out)


def _begin(
    job: Job,
    architecture: Architecture,
    faces: np.ndarray,
    weights_folder: Path | None,
    checkpoint: Checkpoint,
    on_warning: Callable[[str], None],
) -> tuple[keras.Model, PretrainedFile | None, Saved]:
    """The model as the checkpoint left it, or before its first epoch; what it began from; and the training's state."""
    saved = _load(checkpoint, job, on_warning)
    if saved:
        source = next((file for file in architecture.pretrained if file.name == saved.progress.weights), None)
        model = _build(job, architecture, source, saved.progress.precision)
        write(model_variables(model), saved.model)
        return model, source, saved
    source, path = _find(job, architecture, weights_folder, on_warning)
    precision = _precision(job, architecture, source, faces)
    model = _build(job, architecture, source, precision)
    if source and path:
        _load_backbone(model, source, path, faces, job.seed)
    code = code_digest(job.architecture)
    begun = Progress(weights=source.name if source else RANDOM, precision=precision, code=code)
    return model, source, Saved(begun, [], [], [])


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
    measured = model if saved.progress.precision == FULL else _build(job, architecture, source, FULL)
    measured.set_weights(saved.best)
    temperature = best_temperature(held_out[1], predict(measured, held_out[0]))
    final = _build(job, architecture, source, FULL, temperature)
    final.set_weights(saved.best)
    return Trained(
        final,
        source.label if source else RANDOM,
        _preprocessing(architecture, source),
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
) -> None:
    """The epochs that are missing, each with its checkpoint; ``saved`` is the state before and after."""
    progress, recipe = saved.progress, job.recipe
    head_epochs = recipe.head_epochs if progress.weights != RANDOM else 0
    progress.total = head_epochs + recipe.epochs
    compiled = ""
    while progress.epochs < progress.total:
        start = time.monotonic()
        phase = HEAD if progress.epochs < head_epochs else ALL
        batches = Batches(*train_split, recipe, job.seed, progress.epochs, progress.total)
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


def _make_deterministic() -> None:
    """Have TensorFlow and torch use deterministic kernels; JAX reads XLA_FLAGS when it is imported."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.use_deterministic_algorithms(True)


def _find(
    job: Job, architecture: Architecture, weights_folder: Path | None, on_warning: Callable[[str], None]
) -> tuple[PretrainedFile, Path] | tuple[None, None]:
    """The pretrained file that the recipe asks for and where it is, or Nones for random weights."""
    if job.recipe.pretrained == "none" or not architecture.pretrained:
        return None, None
    try:
        found, path = find_weights(architecture.pretrained, weights_folder)
    except UserError as error:
        if job.recipe.pretrained == "required":
            raise
        on_warning(f"{job.architecture}: training from random weights ({error})")
        return None, None
    wanted = architecture.pretrained[0]
    if found.label != wanted.label:
        on_warning(f"{job.architecture}: training from {found.label} weights ({wanted.name} is not at hand)")
    return found, path


def _load_backbone(model: keras.Model, source: PretrainedFile, path: Path, faces: np.ndarray, seed: int) -> None:
    """The pretrained weights, with the statistics of the faces that they go on to be trained on."""
    backbone = model.get_layer(NETWORK).get_layer(BACKBONE)
    load_backbone(backbone, source, path)
    some = np.random.default_rng(seed).permutation(len(faces))[:MEASURED]
    prepared = keras.Model(model.input, model.get_layer(PREPARED).output)
    match_statistics(backbone, prepared.predict(faces[some], verbose=0))


def _split(dataset: FaceDataset, split: str) -> LabelledFaces:
    """Faces uint8 ``[N, 48, 48]`` in memory and labels int64 ``[N]``."""
    rows = dataset.rows(split)
    return np.asarray(dataset.images[rows]), dataset.labels[rows]


def _check(job: Job, labels: np.ndarray) -> None:
    """That every class is there to be learned, and that a batch can be filled."""
    missing = [name for code, name in enumerate(job.classes) if code not in labels]
    if missing:
        raise UserError(
            f"{job.architecture}: the train split has no image of {', '.join(missing)}; "
            "add some, or leave the class out in data.classes of params.yaml"
        )
    if job.recipe.batch_size > len(labels):
        raise UserError(
            f"{job.architecture}: batch_size {job.recipe.batch_size} is larger than the train split of {len(labels)} "
            "images; lower it in params.yaml"
        )


def _precision(job: Job, architecture: Architecture, source: PretrainedFile | None, faces: np.ndarray) -> str:
    """The recipe's precision; where it leaves the choice, the faster one here."""
    if job.recipe.precision != "auto":
        return job.recipe.precision
    faster = faster_precision(
        lambda policy: _build(job, architecture, source, policy), job.recipe, faces, len(job.classes)
    )
    # Keras counts layers' names, which stand in the weights' file, from the start again.
    keras.utils.clear_session()
    return faster


def _build(
    job: Job, architecture: Architecture, source: PretrainedFile | None, precision: str, temperature: float = 1.0
) -> keras.Model:
    """The untrained classifier, with the preprocessing of the weights that it begins from; the seed's weights."""
    keras.utils.set_random_seed(job.seed)
    preprocessing = _preprocessing(architecture, source)
    size = job.recipe.input_size
    return build_classifier(architecture, len(job.classes), size, preprocessing, precision, temperature)


def _preprocessing(architecture: Architecture, source: PretrainedFile | None) -> str:
    return source.preprocessing if source else architecture.preprocessing
