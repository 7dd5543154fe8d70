"""A recipe's optimizer, schedule and loss, set on a model for one phase."""

from typing import TYPE_CHECKING, Any

import keras

from fer.models.common.network import NETWORK
from fer.models.common.registry import BACKBONE

if TYPE_CHECKING:  # an accelerator's machine need not have pydantic
    from fer.recipe import Recipe

MOMENTUM = 0.9
HEAD, ALL = "head", "all"


def compile_phase(model: keras.Model, recipe: "Recipe", phase: str, steps: int) -> None:
    """Set what a phase trains, its optimizer, its schedule and its loss.

    Args:
        model: a classifier of ``build_classifier``.
        recipe: of the training.
        phase: ``head`` (backbone frozen) or ``all``.
        steps: batches in an epoch.
    """
    set_phase(model, phase)
    model.compile(
        optimizer=optimizer_of(model, recipe, phase, schedule_of(recipe, phase, steps)),
        loss=loss_of(recipe),
        weighted_metrics=[],
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA makes TensorFlow's CPU training slower; JAX needs it.
        jit_compile=keras.backend.backend() == "jax",
    )
    _build_loss(model)


def _build_loss(model: keras.Model) -> None:
    """Build what a model is compiled with, so that ``fit`` need not take a batch for it.

    On JAX and torch ``fit`` would then begin with the second batch, train on those that waited in its queue, and only
    then begin with the first: some batches twice, the last ones never.
    """
    some = keras.ops.full((1, model.output_shape[-1]), 1 / model.output_shape[-1])
    model.compute_loss(y=some, y_pred=some)
    model.compute_metrics(None, some, some)
    model.reset_metrics()


def set_phase(model: keras.Model, phase: str) -> None:
    """Freeze a transfer network's backbone for the phase ``head``, or train all."""
    network = model.get_layer(NETWORK)
    if any(layer.name == BACKBONE for layer in network.layers):
        network.get_layer(BACKBONE).trainable = phase == ALL


def loss_of(recipe: "Recipe") -> keras.losses.Loss:
    """Cross-entropy with the recipe's label smoothing."""
    return keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)


def schedule_of(recipe: "Recipe", phase: str, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
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


def optimizer_of(model: keras.Model, recipe: "Recipe", phase: str, rate: Any) -> keras.optimizers.Optimizer:
    """The recipe's optimizer for a phase, built for the weights that the model trains.

    Args:
        model: set to the phase.
        recipe: of the training.
        phase: ``head`` or ``all``.
        rate: the learning rate, a number or a schedule.
    """
    shared: dict[str, Any] = {
        "weight_decay": recipe.weight_decay or None,
        "use_ema": recipe.ema_decay > 0,
        "ema_momentum": recipe.ema_decay,
    }
    on_tensorflow = keras.backend.backend() == "tensorflow"
    kind = FusedAdam if on_tensorflow else keras.optimizers.Adam
    if recipe.optimizer == "sgd":
        kind = FusedSGD if on_tensorflow else keras.optimizers.SGD
        shared |= {"momentum": MOMENTUM, "nesterov": True}
    # A new head's few weights would have all of the radius, and hand it on to the next phase.
    if recipe.sharpness_radius and phase == ALL:
        kind = _ahead(kind, recipe.sharpness_radius)
    if recipe.first_layer_rate < 1:
        kind = _by_layer(kind, layer_rates(model, recipe.first_layer_rate))
    optimizer = kind(rate, **shared)
    optimizer.exclude_from_weight_decay([weight for weight in model.trainable_variables if len(weight.shape) < 2])
    optimizer.build(model.trainable_variables)
    return optimizer


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam on one device, by a kernel of TensorFlow's that does at once what Keras does in a dozen steps.

    It has no ``amsgrad``.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take the step of one weight, a ``tf.Variable``."""
        import tensorflow as tf  # other backends do without

        place, dtype = self._get_variable_index(variable), variable.dtype
        step = tf.cast(self.iterations.value + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


class FusedSGD(keras.optimizers.SGD):
    """Keras' SGD with a momentum above 0 on one device, by such a kernel."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take the step of one weight, a ``tf.Variable``."""
        import tensorflow as tf

        place, dtype = self._get_variable_index(variable), variable.dtype
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[place].value.handle,
            lr=tf.cast(learning_rate, dtype),
            grad=tf.cast(gradient, dtype),
            momentum=tf.cast(self.momentum, dtype),
            use_nesterov=self.nesterov,
        )


def layer_rates(model: keras.Model, first: float) -> list[float]:
    """The share of the learning rate that each of the weights that the model trains has.

    A backbone's first layer has ``first``, what is above the backbone 1, and each layer between them a constant factor
    more than the one before (discriminative fine-tuning: Howard and Ruder 2018).
    """
    network = model.get_layer(NETWORK)
    shares: dict[int, float] = {}
    if any(layer.name == BACKBONE for layer in network.layers):
        layers = [layer for layer in network.get_layer(BACKBONE).layers if layer.trainable_weights]
        for place, layer in enumerate(layers):
            shares |= {id(weight): first ** (1 - place / len(layers)) for weight in layer.trainable_weights}
    return [shares.get(id(weight), 1.0) for weight in model.trainable_variables]


def _by_layer(kind: type[keras.optimizers.Optimizer], rates: list[float]) -> type[keras.optimizers.Optimizer]:
    """``kind`` with a learning rate, and so a decoupled weight decay, for each weight of its own."""

    class ByLayer(kind):
        def _apply_weight_decay(self, variables: list[Any]) -> None:
            """The step of every weight takes it, by that weight's own rate."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            rate = keras.ops.cast(learning_rate, variable.dtype) * rates[self._get_variable_index(variable)]
            if self.weight_decay is not None and self._use_weight_decay(variable):
                self.assign_sub(variable, variable * (rate * self.weight_decay))
            super().update_step(gradient, variable, rate)

    return ByLayer


def _ahead(kind: type[keras.optimizers.SGD], radius: float) -> type[keras.optimizers.Optimizer]:
    """``kind`` with a momentum, whose gradients are taken ``radius`` from the weights, along their momentum.

    Momentum SAM (Becker, Altrock and Risse 2024, arXiv:2401.12033). From one step to the next the model's variables are
    the weights so moved; the moving average, which a model is scored and kept by, is of the weights themselves. Other
    than the authors', the momentum is Nesterov's and holds the learning rate, by layer where the recipe has it so, and
    weights decay where they are, not where they are moved to.
    """

    class Ahead(kind):
        def build(self, variables: list[Any]) -> None:
            if self.built:
                return
            super().build(variables)
            self.stretch = self.add_variable((), dtype="float32", name="stretch")

        def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
            self._move(-1.0)
            super().apply(grads, trainable_variables)
            squares = [keras.ops.sum(keras.ops.square(momentum)) for momentum in self.momentums]
            norm = keras.ops.sqrt(keras.ops.sum(keras.ops.stack(squares)))
            # Without a momentum there is no direction.
            self.stretch.assign(radius / keras.ops.maximum(norm, 1e-12))
            self._move(1.0)

        def _move(self, sign: float) -> None:
            for weight, momentum in zip(self._trainable_variables, self.momentums, strict=True):
                self.assign_add(weight, momentum * (sign * self.stretch))

    return Ahead
