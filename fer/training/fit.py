"""Train one architecture by one recipe."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation import accuracy_and_macro_f1
from fer.models.network import NETWORK, build_classifier
from fer.models.registry import Architecture, get_architecture
from fer.models.transfer import BACKBONE
from fer.models.weights import PretrainedFile, find_weights, load_backbone
from fer.params import Recipe
from fer.training.batches import Batches
from fer.training.checkpoint import RANDOM, Checkpoint, Progress, Saved, model_variables, read, write
from fer.training.job import Job
from fer.training.memory import keep_freed_memory
from fer.training.progress import EpochBar

PREDICT_BATCH = 256


@dataclass(frozen=True)
class Trained:
    """A trained classifier: the float32 Keras model with the best epoch's weights, and how it came about."""

    model: keras.Model
    weights: str
    preprocessing: str
    progress: Progress


def train(
    dataset: FaceDataset,
    job: Job,
    weights_folder: Path | None,
    checkpoint: Checkpoint,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
    on_warning: Callable[[str], None] = lambda message: None,
) -> Trained:
    """Train, or go on with a training that was interrupted.

    Transfer has two phases: ``head_epochs`` of the new head on the frozen backbone, then ``epochs`` of everything.
    Both are Adam with a warm-up and cosine decay (Loshchilov and Hutter 2016) over their phase.

    Args:
        dataset: trained on its train split; the epoch with the best macro-F1 on the validation split is kept.
        job: the architecture, recipe and seed.
        weights_folder: where pretrained files are looked for first.
        checkpoint: written after every epoch and read at the start.
        on_epoch: called after every epoch, before the checkpoint is written; may put notes into the progress.
        on_warning: called with a line where pretrained weights were wanted and cannot be had.

    Raises:
        UserError: for missing or wrong pretrained weights, a damaged checkpoint, or a loss that is no longer finite.
    """
    keep_freed_memory()
    keras.utils.set_random_seed(job.seed)
    _make_deterministic()
    architecture = get_architecture(job.architecture)
    saved = checkpoint.load()
    if saved:
        source = next((file for file in architecture.pretrained if file.name == saved.progress.weights), None)
        model = _build(job, architecture, source, job.recipe.precision)
        write(model_variables(model), saved.model)
    else:
        source, path = _find(job, architecture, weights_folder, on_warning)
        model = _build(job, architecture, source, job.recipe.precision)
        if source and path:
            load_backbone(model.get_layer(NETWORK).get_layer(BACKBONE), source, path)
        saved = Saved(Progress(weights=source.name if source else RANDOM), [], [], [])
    progress = saved.progress
    train_rows, validation_rows = dataset.rows("train"), dataset.rows("validation")
    faces, labels = np.asarray(dataset.images[train_rows]), dataset.labels[train_rows]
    held_out = np.asarray(dataset.images[validation_rows]), dataset.labels[validation_rows]
    head_epochs = job.recipe.head_epochs if source else 0
    total = head_epochs + job.recipe.epochs

    compiled = ""
    while progress.epochs < total:
        phase = "head" if progress.epochs < head_epochs else "all"
        batches = Batches(faces, labels, len(job.classes), job.recipe, job.seed, progress.epochs)
        if phase != compiled:
            _compile(model, job.recipe, phase, len(batches))
            if phase == progress.phase:
                write(model.optimizer.variables, saved.optimizer)
            compiled = progress.phase = phase
        row = _run_epoch(model, batches, held_out, progress.epochs + 1, total)
        progress.epochs += 1
        progress.history.append(row)
        if row["validation.macro_f1"] > progress.best_score:
            progress.best_epoch, progress.best_score = progress.epochs, row["validation.macro_f1"]
            saved.best = model.get_weights()
        on_epoch(progress)
        checkpoint.save(Saved(progress, read(model_variables(model)), read(model.optimizer.variables), saved.best))

    final = _build(job, architecture, source, "float32")
    final.set_weights(saved.best)
    return Trained(final, source.label if source else RANDOM, _preprocessing(architecture, source), progress)


def predict(model: keras.Model, faces: np.ndarray) -> np.ndarray:
    """Probabilities float32 ``[N, C]`` of faces uint8 ``[N, 48, 48]``."""
    return np.asarray(model.predict(faces, batch_size=PREDICT_BATCH, verbose=0), np.float32)


def _make_deterministic() -> None:
    """Have the backend use deterministic kernels where it offers the choice."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()


def _find(
    job: Job, architecture: Architecture, weights_folder: Path | None, on_warning: Callable[[str], None]
) -> tuple[PretrainedFile, Path] | tuple[None, None]:
    """The pretrained file that the recipe asks for and where it is, or Nones for random weights."""
    if job.recipe.pretrained == "none" or not architecture.pretrained:
        return None, None
    try:
        return find_weights(architecture.pretrained, weights_folder)
    except UserError as error:
        if job.recipe.pretrained == "required":
            raise
        on_warning(f"{job.architecture}: training from random weights ({error})")
        return None, None


def _build(job: Job, architecture: Architecture, source: PretrainedFile | None, precision: str) -> keras.Model:
    """The untrained classifier, with the preprocessing of the weights that it begins from."""
    preprocessing = _preprocessing(architecture, source)
    return build_classifier(architecture, len(job.classes), job.recipe.input_size, preprocessing, precision)


def _preprocessing(architecture: Architecture, source: PretrainedFile | None) -> str:
    return source.preprocessing if source else architecture.preprocessing


def _compile(model: keras.Model, recipe: Recipe, phase: str, steps: int) -> None:
    """Set the phase's frozen part, optimizer and schedule."""
    head = phase == "head"
    epochs = recipe.head_epochs if head else recipe.epochs
    peak = recipe.head_learning_rate if head else recipe.learning_rate
    warmup = 0 if head else min(recipe.warmup_epochs, epochs - 1)
    network = model.get_layer(NETWORK)
    if any(layer.name == BACKBONE for layer in network.layers):
        network.get_layer(BACKBONE).trainable = not head
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 10 if warmup else peak,
        warmup_target=peak if warmup else None,
        warmup_steps=warmup * steps,
        decay_steps=(epochs - warmup) * steps,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        weighted_metrics=[],
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA makes TensorFlow's CPU training slower; the other backends need it.
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    model.optimizer.build(model.trainable_variables)


def _run_epoch(
    model: keras.Model, batches: Batches, held_out: tuple[np.ndarray, np.ndarray], epoch: int, epochs: int
) -> dict[str, float]:
    """Train one epoch, score the validation split, and give the history's row."""
    bar = EpochBar(model.name, epoch, epochs, len(batches))
    logs = model.fit(batches, shuffle=False, verbose=0, callbacks=[bar]).history
    loss = float(logs["loss"][0])
    probabilities = predict(model, held_out[0])
    # The last step's loss comes before its update, so a finite loss says nothing about the weights it leaves.
    if not all(np.isfinite(values).all() for values in (loss, probabilities, *model.get_weights())):
        raise UserError(
            f"{model.name}: the loss is not finite in epoch {epoch}; lower its learning_rate in params.yaml "
            "(the checkpoint of the epoch before is kept)"
        )
    scores = accuracy_and_macro_f1(held_out[1], probabilities)
    return {
        "epoch": epoch,
        "loss": loss,
        "accuracy": float(logs["accuracy"][0]),
        "validation.accuracy": scores[0],
        "validation.macro_f1": scores[1],
    }
