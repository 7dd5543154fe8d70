"""A recipe's optimizer, schedule and loss, set on a model for one phase."""

import keras

from fer.models.common.network import NETWORK
from fer.models.common.registry import BACKBONE
from fer.recipe import Recipe

MOMENTUM = 0.9
HEAD, ALL = "head", "all"


def compile_phase(model: keras.Model, recipe: Recipe, phase: str, steps: int) -> None:
    """Set what a phase trains, its optimizer, its schedule and its loss.

    Args:
        model: a classifier of ``build_classifier``.
        recipe: of the training.
        phase: ``head`` (backbone frozen) or ``all``.
        steps: batches in an epoch.
    """
    network = model.get_layer(NETWORK)
    if any(layer.name == BACKBONE for layer in network.layers):
        network.get_layer(BACKBONE).trainable = phase == ALL
    model.compile(
        optimizer=_optimizer(model, recipe, _schedule(recipe, phase, steps)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        weighted_metrics=[],
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA makes TensorFlow's CPU training slower; JAX needs it.
        jit_compile=keras.backend.backend() == "jax",
    )
    model.optimizer.build(model.trainable_variables)


def _schedule(recipe: Recipe, phase: str, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The warm-up from a tenth of the peak, then cosine decay to zero (Loshchilov and Hutter 2017) or the peak."""
    head = phase == HEAD
    epochs = recipe.head_epochs if head else recipe.epochs
    peak = recipe.head_learning_rate if head else recipe.learning_rate
    warmup = 0 if head else min(recipe.warmup_epochs, epochs - 1)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 10 if warmup else peak,
        warmup_target=peak if warmup else None,
        warmup_steps=warmup * steps,
        decay_steps=(epochs - warmup) * steps,
        alpha=0.0 if recipe.schedule == "cosine" else 1.0,
    )


def _optimizer(
    model: keras.Model, recipe: Recipe, schedule: float | keras.optimizers.schedules.LearningRateSchedule
) -> keras.optimizers.Optimizer:
    shared = {
        "weight_decay": recipe.weight_decay or None,
        "use_ema": recipe.ema_decay > 0,
        "ema_momentum": recipe.ema_decay,
    }
    if recipe.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(schedule, momentum=MOMENTUM, nesterov=True, **shared)
    else:
        optimizer = keras.optimizers.Adam(schedule, **shared)
    optimizer.exclude_from_weight_decay([weight for weight in model.trainable_variables if len(weight.shape) < 2])
    return optimizer
