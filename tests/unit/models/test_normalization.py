import gc
import weakref
from collections.abc import Callable

import keras
import numpy as np
import pytest
from memory_use import peak_growth

from fer.models.common.normalization import (
    BatchNormalization,
    estimate_statistics,
    match_statistics,
    with_fast_normalization,
)

IMAGES = np.random.default_rng(0).normal(3, 2, (16, 5, 5, 4)).astype(np.float32)


def pair(**settings: object) -> tuple[keras.Layer, keras.Layer]:
    layers = keras.layers.BatchNormalization(momentum=0.9, **settings), BatchNormalization(momentum=0.9, **settings)
    for layer in layers:
        layer.build(IMAGES.shape)
        if layer.gamma is not None:
            layer.gamma.assign(np.linspace(0.5, 2, 4))
    return layers


@pytest.mark.parametrize("settings", [{}, {"scale": False}, {"center": False}])
def test_predictions_gradients_and_statistics_are_those_of_keras(settings: dict[str, bool]) -> None:
    import tensorflow

    theirs, ours = pair(**settings)
    found = []
    for layer in (theirs, ours):
        images = tensorflow.constant(IMAGES)
        with tensorflow.GradientTape() as tape:
            tape.watch(images)
            outputs = layer(images, training=True)
            loss = tensorflow.reduce_sum(outputs**3)
        gradients = tape.gradient(loss, [images, *(v.value for v in layer.trainable_variables)])
        found.append([outputs, *gradients, layer.moving_mean, layer(images, training=False)])
    for first, second in zip(*found, strict=True):
        np.testing.assert_allclose(np.asarray(first), np.asarray(second), rtol=2e-3, atol=2e-3)
    # the running variance is the unbiased one
    n = IMAGES[..., 0].size
    step = (np.asarray(ours.moving_variance) - 0.9) / (np.asarray(theirs.moving_variance) - 0.9)
    np.testing.assert_allclose(step, n / (n - 1) if not settings else step, rtol=1e-4)


def test_bfloat16_in_bfloat16_out() -> None:
    layer = BatchNormalization(dtype="mixed_bfloat16")
    outputs = layer(keras.ops.convert_to_tensor(IMAGES, "bfloat16"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    plain = keras.layers.BatchNormalization()(IMAGES, training=True)
    np.testing.assert_allclose(np.asarray(outputs, np.float32), np.asarray(plain), atol=0.03)


def test_a_frozen_layer_keeps_its_statistics() -> None:
    layer = BatchNormalization()
    layer.build(IMAGES.shape)
    layer.trainable = False
    layer(IMAGES, training=True)
    np.testing.assert_array_equal(np.asarray(layer.moving_mean), 0)


def test_published_weights_load_into_the_network_made_fast() -> None:
    published = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    fast = with_fast_normalization(published)
    assert [weight.path for weight in fast.weights] == [weight.path for weight in published.weights]
    fast.set_weights(published.get_weights())
    faces = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)
    np.testing.assert_array_equal(np.asarray(fast(faces)), np.asarray(published(faces)))
    normalizations = [layer for layer in fast.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(type(layer), layer.momentum) for layer in normalizations} == {(BatchNormalization, 0.9)}


def test_statistics_are_estimated_as_plain_means_over_batches() -> None:
    faces = np.random.default_rng(2).integers(0, 256, (600, 48, 48), np.uint8)
    inputs = keras.Input((48, 48), dtype="uint8")
    x = keras.layers.Reshape((48, 48, 1))(keras.ops.cast(inputs, "float32") / 255)
    inner = keras.Sequential([keras.Input((48, 48, 1)), BatchNormalization(momentum=0.5)])
    model = keras.Model(inputs, inner(x))
    (layer,) = inner.layers
    layer.moving_mean.assign([99.0])
    estimate_statistics(model, faces)
    batches = [faces[start : start + 256] / 255 for start in range(0, 600, 256)]
    np.testing.assert_allclose(layer.moving_mean, [np.mean([batch.mean() for batch in batches])], rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, [np.mean([batch.var() for batch in batches])], rtol=1e-3)
    assert layer.momentum == 0.5
    layer.trainable = False
    estimate_statistics(model, faces // 2)
    np.testing.assert_allclose(layer.moving_mean, [np.mean([batch.mean() for batch in batches])], rtol=1e-4)
    layer.trainable = True
    estimate_statistics(model, faces // 2)
    assert float(layer.moving_mean[0]) < 0.6 * np.mean(batches[0])
    alive = weakref.ref(model)
    del model, inner, layer, x
    keras.utils.clear_session()
    gc.collect()
    assert alive() is None, "nothing keeps a network when its training is over"


def test_another_frozen_layer_of_as_many_weights_is_another_pass() -> None:
    inputs = keras.Input((48, 48, 1))
    first, second = BatchNormalization(), BatchNormalization()
    model = keras.Model(inputs, second(first(inputs)))
    first.trainable = False
    estimate_statistics(model, np.full((4, 48, 48, 1), 5, np.float32))
    first.trainable, second.trainable, before = True, False, float(second.moving_mean[0])
    estimate_statistics(model, np.full((4, 48, 48, 1), 9, np.float32))
    assert (float(first.moving_mean[0]), float(second.moving_mean[0])) == (9, before)


def test_statistics_are_estimated_without_keeping_every_layers_outputs() -> None:
    before = """
import keras
import numpy as np
from fer.models.common.normalization import BatchNormalization, estimate_statistics

x = inputs = keras.Input((48, 48))
x = keras.layers.Reshape((48, 48, 1))(x)
for _ in range(12):  # of 38 MB each, three a turn: 1.4 GB where all are kept
    x = keras.layers.ReLU()(BatchNormalization()(keras.layers.Conv2D(16, 3, padding="same")(x)))
model = keras.Model(inputs, x)
estimate_statistics(model, np.zeros((32, 48, 48), np.float32))
"""
    assert peak_growth(before, "estimate_statistics(model, np.zeros((256, 48, 48), np.float32))") < 700


@pytest.mark.parametrize("depth", [1, 3])
def test_matched_statistics_change_no_prediction_and_training_begins_from_it(depth: int) -> None:
    keras.utils.set_random_seed(3)
    inputs = x = keras.Input((8, 8, 3))
    for _ in range(depth):
        x = BatchNormalization()(keras.layers.Conv2D(5, 3, padding="same")(x))
        x = keras.layers.Activation("relu")(x)
    backbone = keras.Model(inputs, x)
    rng = np.random.default_rng(4)
    for layer in backbone.layers:
        if isinstance(layer, BatchNormalization):
            layer.set_weights(
                [rng.uniform(0.5, 3, 5), rng.normal(0, 2, 5), rng.normal(0, 1, 5), rng.uniform(0.5, 3, 5)]
            )
    images = rng.normal(20, 30, (256, 8, 8, 3)).astype(np.float32)
    before = np.asarray(backbone(images))
    published = backbone.get_weights()
    assert np.abs(np.asarray(backbone(images, training=True)) - before).max() > 0.2 * before.max()
    backbone.set_weights(published)
    match_statistics(backbone, images)
    np.testing.assert_allclose(np.asarray(backbone(images)), before, rtol=1e-3, atol=1e-3 * before.max())
    assert np.abs(np.asarray(backbone(images, training=True)) - before).max() < 0.01 * before.max()


@pytest.mark.parametrize("change", [match_statistics, estimate_statistics])
def test_a_network_without_normalization_has_no_statistics(change: Callable[[keras.Model, np.ndarray], None]) -> None:
    backbone = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Dropout(0.5), keras.layers.Conv2D(2, 3)])
    before = backbone.variables  # a pass in training would move the dropout's seed
    values = [keras.ops.convert_to_numpy(variable).copy() for variable in before]
    change(backbone, np.zeros((4, 8, 8, 3), np.float32))
    for variable, value in zip(before, values, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)
