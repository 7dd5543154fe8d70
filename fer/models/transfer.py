"""A new head on a pretrained backbone: what the transfer architectures share."""

import keras
from keras import layers

BACKBONE = "backbone"

#: Running statistics that follow within tens of steps: Keras' 0.99 lags behind short trainings on small data.
NORM_MOMENTUM = 0.9


def with_head(backbone: keras.Model, classes: int) -> keras.Model:
    """``backbone`` (no top), global average pooling, dropout 0.3 and a dense layer of ``classes`` logits."""
    backbone.name = BACKBONE
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = NORM_MOMENTUM
    inputs = keras.Input(backbone.input_shape[1:])
    x = layers.GlobalAveragePooling2D(name="pool")(backbone(inputs))
    x = layers.Dropout(0.3, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(classes, dtype="float32", name="logits")(x))
