"""Training steps by the hundred without a word to the host: one compiled call for many steps on JAX."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from fer.models.common.normalization import BATCH, BATCHES, estimate_statistics
from fer.portable.lesson import Lesson
from fer.training.state import model_variables

#: Steps of one compiled call, at most and at least: so many that the host is never waited for, so few that some number
#: of calls makes an epoch of nearly any length.
MOST, LEAST = 40, 15
#: Faces in a batch of predictions.
PREDICT_BATCH = 256


def chunks_of(steps: int) -> tuple[int, int]:
    """How many compiled calls an epoch of at most ``steps`` steps is made of, and the steps of each."""
    counts = range(-(-steps // MOST), max(1, steps // LEAST) + 1)
    count = min(counts, key=lambda count: (steps % count, count))
    return count, steps // count


class Engine:
    """Takes the steps of a training and scores the weights that it has come to.

    Args:
        lesson: what a step computes.
        optimizer: built for the student's trainable weights, with a plain number as its learning rate.
        loss: gives a scalar of targets ``[B, C]``, probabilities ``[B, C]`` and weights ``[B]``.
    """

    def __init__(self, lesson: Lesson, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss):
        self.lesson, self.optimizer, self.loss = lesson, optimizer, loss
        self._step = _compiled_step(lesson, optimizer, loss)

    def train(self, rows: np.ndarray, rates: np.ndarray, epoch: int, blends: bool) -> Any:
        """Take some steps.

        Args:
            rows: int32 ``[S, B]``, a batch a step.
            rates: float32 ``[S]``, the learning rate of each.
            epoch: counted from 0.
            blends: whether mixup blends the faces.

        Returns:
            float32 ``[2]``: the sums of loss and accuracy over the steps. It need not be there yet when this returns.
        """
        totals: Any = 0.0
        for batch, rate in zip(rows, rates, strict=True):
            self.optimizer.learning_rate = rate
            totals = totals + self._step(_inputs(ops.convert_to_tensor(batch, "int32"), epoch, blends))
        return totals

    def average(self, shuffled: np.ndarray) -> None:
        """Put the averaged weights, where there are any, and the statistics that belong to them in the student.

        Args:
            shuffled: int ``[M]``, rows of the train split in random order.
        """
        student = self.lesson.student
        if self.optimizer.use_ema:
            self.optimizer.finalize_variable_values(student.trainable_variables)
            self._estimate(student, shuffled[: BATCHES * BATCH].astype(np.int32))

    def _estimate(self, student: keras.Model, rows: np.ndarray) -> None:
        estimate_statistics(student, ops.convert_to_numpy(ops.take(self.lesson.faces, rows, axis=0)))

    def predict(self, faces: np.ndarray) -> np.ndarray:
        """The student's probabilities float32 ``[N, C]`` of faces uint8 ``[N, S, S]``."""
        predicted = self.lesson.student.predict(faces, batch_size=PREDICT_BATCH, verbose=0)
        return np.asarray(predicted, np.float32)


class JaxEngine(Engine):
    """The same by ``jax.lax.scan``: the host sends the rows of some steps at a time and waits for none of them."""

    def __init__(self, lesson: Lesson, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss):
        self.lesson, self.optimizer, self.loss = lesson, optimizer, loss
        self.variables = lesson.trainable_variables, lesson.non_trainable_variables, optimizer.variables
        self._rate = next(place for place, one in enumerate(optimizer.variables) if one.name == "learning_rate")
        self._train = _compiled_scan(self)
        self._measure, self._predict = _compiled_statistics(lesson.student), _compiled_predictions(lesson.student)

    def train(self, rows: np.ndarray, rates: np.ndarray, epoch: int, blends: bool) -> Any:
        """Take some steps, all in one call."""
        state = [[variable.value for variable in group] for group in self.variables]
        after, totals = self._train(state, rows.astype(np.int32), rates.astype(np.float32), epoch, blends)
        for group, values in zip(self.variables, after, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return totals

    def _estimate(self, student: keras.Model, rows: np.ndarray) -> None:
        width = min(BATCH, len(rows))
        batches = rows[: len(rows) // width * width].reshape(-1, width)
        after = self._measure(*_values(student), self.lesson.faces.value, batches)
        for variable, value in zip(student.non_trainable_variables, after, strict=True):
            variable.assign(value)

    def predict(self, faces: np.ndarray) -> np.ndarray:
        """The student's probabilities, in one call."""
        batches = -(-len(faces) // PREDICT_BATCH)
        padded = np.resize(faces, (batches, PREDICT_BATCH, *faces.shape[1:]))
        probabilities = np.asarray(self._predict(*_values(self.lesson.student), padded), np.float32)
        return probabilities.reshape(-1, probabilities.shape[-1])[: len(faces)]


def engine_of(lesson: Lesson, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss) -> Engine:
    """The engine for Keras' backend."""
    return (JaxEngine if keras.backend.backend() == "jax" else Engine)(lesson, optimizer, loss)


def _inputs(rows: Any, epoch: Any, blends: Any) -> dict[str, Any]:
    return {
        "rows": rows,
        "epoch": ops.convert_to_tensor(epoch, "int32"),
        "blends": ops.convert_to_tensor(blends, "bool"),
    }


def _sums(loss: Any, targets: Any, probabilities: Any) -> Any:
    """float32 ``[2]``: loss and accuracy of a batch."""
    hits = ops.cast(ops.argmax(targets, axis=-1) == ops.argmax(probabilities, axis=-1), "float32")
    return ops.stack([ops.cast(loss, "float32"), ops.mean(hits)])


def _compiled_step(
    lesson: Lesson, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss
) -> Callable[[dict[str, Any]], Any]:
    """One step by TensorFlow or torch, which leaves its results in the variables."""
    variables = lesson.trainable_variables
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        @tensorflow.function
        def step(inputs: dict[str, Any]) -> Any:
            with tensorflow.GradientTape() as tape:
                probabilities, targets, weights = lesson(inputs, training=True)
                value = loss(targets, probabilities, sample_weight=weights)
            optimizer.apply(tape.gradient(value, [one.value for one in variables]), variables)
            return _sums(value, targets, probabilities)

        return step

    import torch

    def torch_step(inputs: dict[str, Any]) -> Any:
        lesson.zero_grad()
        probabilities, targets, weights = lesson(inputs, training=True)
        value = loss(targets, probabilities, sample_weight=weights)
        value.backward()
        with torch.no_grad():
            optimizer.apply([one.value.grad for one in variables], variables)
            return _sums(value, targets, probabilities)

    return torch_step


def _compiled_scan(engine: JaxEngine) -> Callable[..., Any]:
    """Many steps by JAX: the state after them, and the sums of loss and accuracy."""
    import jax

    lesson, optimizer, place = engine.lesson, engine.optimizer, engine._rate

    def loss_of(trainable: Any, others: Any, inputs: Any) -> Any:
        (probabilities, targets, weights), others = lesson.stateless_call(trainable, others, inputs, training=True)
        value = engine.loss(targets, probabilities, sample_weight=weights)
        return value, (_sums(value, targets, probabilities), others)

    @partial(jax.jit, donate_argnums=0)
    def train(state: Any, rows: Any, rates: Any, epoch: Any, blends: Any) -> Any:
        def step(state: Any, batch: Any) -> Any:
            (trainable, others, moments), (rows, rate) = state, batch
            inputs = _inputs(rows, epoch, blends)
            (_, (sums, others)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable, others, inputs)
            moments = [rate if index == place else value for index, value in enumerate(moments)]
            trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
            return [trainable, others, moments], sums

        after, sums = jax.lax.scan(step, state, (rows, rates))
        return after, sums.sum(axis=0)

    return train


def _values(student: keras.Model) -> tuple[list[Any], list[Any]]:
    """The weights in training, and the others."""
    groups = student.trainable_variables, student.non_trainable_variables
    return [variable.value for variable in groups[0]], [variable.value for variable in groups[1]]


def _compiled_statistics(student: keras.Model) -> Callable[..., Any]:
    """What ``estimate_statistics`` does, in one call of JAX: the student's other variables after it."""
    import jax

    found = [layer for layer in student._flatten_layers() if isinstance(layer, layers.BatchNormalization)]
    statistics = {id(variable) for layer in found for variable in (layer.moving_mean, layer.moving_variance)}
    others = student.non_trainable_variables
    places = {place for place, variable in enumerate(others) if id(variable) in statistics}

    @jax.jit
    def measure(trainable: Any, others: Any, faces: Any, rows: Any) -> Any:
        def add(totals: Any, batch: Any) -> Any:
            after = student.stateless_call(trainable, others, faces[batch], training=True)[1]
            return [total + value for total, value in zip(totals, after, strict=True)], None

        momenta = [layer.momentum for layer in found]
        try:
            for layer in found:
                layer.momentum = 0.0
            totals = jax.lax.scan(add, [value * 0 for value in others], rows)[0]
        finally:
            for layer, momentum in zip(found, momenta, strict=True):
                layer.momentum = momentum
        pairs = enumerate(zip(totals, others, strict=True))
        return [total / len(rows) if place in places else value for place, (total, value) in pairs]

    return measure


def _compiled_predictions(student: keras.Model) -> Callable[..., Any]:
    """Probabilities ``[N, B, C]`` of faces ``[N, B, S, S]``, by JAX."""
    import jax

    @jax.jit
    def predict(trainable: Any, others: Any, batches: Any) -> Any:
        call = partial(student.stateless_call, trainable, others, training=False)
        return jax.lax.map(lambda batch: call(batch)[0], batches)

    return predict


def state_of(engine: Engine) -> list[Any]:
    """The variables that a training's next step begins from: the student's and the optimizer's."""
    return [*model_variables(engine.lesson.student), *engine.optimizer.variables]


def copies(variables: list[Any]) -> list[Any]:
    """The values of variables, which stay as they are when a step changes these; nothing goes to the host."""
    return [ops.stop_gradient(ops.copy(variable.value)) for variable in variables]
