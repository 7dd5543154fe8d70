"""Batch normalisation at the speed of the backend's own kernel."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers

#: Running statistics that follow within tens of steps: Keras' 0.99 lags behind short trainings on small data.
NORM_MOMENTUM = 0.9
#: Batches, and faces in each, that running statistics are estimated from.
BATCHES, BATCH = 10, 256


class BatchNormalization(layers.BatchNormalization):
    """Keras' batch normalisation (Ioffe and Szegedy 2015) that trains by TensorFlow's fused kernel where there is one.

    Keras composes it of single operations, in float32 whatever the policy; fused, a training step of the compact
    network takes three quarters of the time on a CPU. The running variance then is the unbiased one, as in Keras 2.
    Class name and variables are Keras' own, so published weight files load.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise ``[N, H, W, C]`` by the batch's statistics in training, by the running ones otherwise."""
        fused = keras.backend.backend() == "tensorflow" and training and self.trainable and len(inputs.shape) == 4
        if not fused or self.gamma is None or self.beta is None:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow

        outputs, mean, variance, *_ = tensorflow.raw_ops.FusedBatchNormV3(
            x=inputs, scale=self.gamma.value, offset=self.beta.value, mean=[], variance=[], epsilon=self.epsilon
        )
        for running, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running * self.momentum + batch * (1.0 - self.momentum))
        return outputs


def estimate_statistics(model: keras.Model, faces: np.ndarray) -> None:
    """Set the running statistics to their plain means over some batches, for weights that no step has trained with.

    Averaged weights are such weights: the running statistics are those of the weights that were averaged (Izmailov et
    al. 2018; Wu and Johnson 2021).

    Args:
        model: any, its batch normalisation layers at any depth.
        faces: uint8 ``[N, 48, 48]`` of the train split, shuffled; the first 2,560 at most are used.
    """
    found = [layer for layer in model._flatten_layers() if isinstance(layer, layers.BatchNormalization)]
    if not found:
        return
    statistics = [variable for layer in found for variable in (layer.moving_mean, layer.moving_variance)]
    totals = [np.zeros(variable.shape) for variable in statistics]
    momenta = [layer.momentum for layer in found]
    starts = range(0, min(len(faces), BATCHES * BATCH), BATCH)
    try:
        for layer in found:
            layer.momentum = 0.0
        train_pass = _train_pass(model)
        for start in starts:
            train_pass(faces[start : start + BATCH])
            for total, variable in zip(totals, statistics, strict=True):
                np.add(total, keras.ops.convert_to_numpy(variable), out=total)
    finally:
        for layer, momentum in zip(found, momenta, strict=True):
            layer.momentum = momentum
    for total, variable in zip(totals, statistics, strict=True):
        variable.assign(total / len(starts))


def _train_pass(model: keras.Model) -> Callable[[np.ndarray], Any]:
    """The model's call in training, for what it leaves in its variables, compiled where the backend compiles.

    Operation by operation a network of Keras keeps the outputs of all its layers: gigabytes for the deep ones, and on
    an accelerator the time of an epoch. A compiled call has in it which layers are frozen, and their momenta, which are
    0 here always. It is kept with the model, as Keras keeps those of ``fit``.
    """
    frozen = tuple(layer.trainable for layer in model._flatten_layers())
    kept = getattr(model, "statistics_pass", None)
    if kept is None or kept[0] != frozen:
        kept = model.statistics_pass = frozen, _compiled(model)
    return kept[1]


def _compiled(model: keras.Model) -> Callable[[np.ndarray], Any]:
    backend = keras.backend.backend()
    if backend == "jax":
        return _compiled_by_jax(model)
    if backend == "tensorflow":
        import tensorflow

        faces = tensorflow.TensorSpec((None, *model.input.shape[1:]), model.input.dtype)
        return tensorflow.function(partial(model, training=True), input_signature=[faces])
    return partial(model, training=True)


def _compiled_by_jax(model: keras.Model) -> Callable[[np.ndarray], None]:
    import jax

    @jax.jit
    def states(trainable: list[Any], others: list[Any], faces: np.ndarray) -> list[Any]:
        return model.stateless_call(trainable, others, faces, training=True)[1]

    def train_pass(faces: np.ndarray) -> None:
        trainable, others = model.trainable_variables, model.non_trainable_variables
        after = states([variable.value for variable in trainable], [variable.value for variable in others], faces)
        for variable, value in zip(others, after, strict=True):
            variable.assign(value)

    return train_pass


def match_statistics(backbone: keras.Model, images: np.ndarray) -> None:
    """Make the running statistics those of ``images`` and have scale and offset take up the difference.

    Predictions stay the same. A training, which divides by each batch's own statistics, then begins from the pretrained
    function; from the statistics of other images, or from none where normalisation was folded into the kernels, it
    begins from another one.

    Args:
        backbone: functional, in float32 or a mixed policy.
        images: float32 ``[N, H, W, C]``, preprocessed as the backbone takes them.
    """
    found = [layer for layer in backbone.layers if isinstance(layer, layers.BatchNormalization)]
    if not found:
        return
    moments = [moment for layer in found for moment in keras.ops.moments(layer.input, axes=(0, 1, 2), keepdims=True)]
    measured = keras.Model(backbone.input, moments).predict(images, batch_size=BATCH, verbose=0)
    for layer, means, variances in zip(found, measured[::2], measured[1::2], strict=True):
        mean = means.mean(axis=(0, 1, 2), dtype=float)
        variance = variances.mean(axis=(0, 1, 2), dtype=float) + means.var(axis=(0, 1, 2), dtype=float)
        gamma, beta, former_mean, former_variance = layer.get_weights()
        scale = gamma / np.sqrt(former_variance + layer.epsilon)
        layer.set_weights(
            [scale * np.sqrt(variance + layer.epsilon), beta + scale * (mean - former_mean), mean, variance]
        )


def normalization() -> BatchNormalization:
    """The layer as every network of ours uses it."""
    return BatchNormalization(momentum=NORM_MOMENTUM)


def with_fast_normalization(model: keras.Model) -> keras.Model:
    """A functional model anew, with ``normalization``'s kernel and momentum in place of Keras' batch normalisation."""

    def replace(layer: layers.Layer) -> layers.Layer:
        if isinstance(layer, layers.BatchNormalization):
            return BatchNormalization.from_config(layer.get_config() | {"momentum": NORM_MOMENTUM})
        return type(layer).from_config(layer.get_config())

    return keras.models.clone_model(model, input_tensors=model.input, clone_function=replace)
