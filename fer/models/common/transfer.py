"""A new head on a pretrained backbone: what the transfer architectures share."""

import keras
from keras import layers

from fer.models.common.normalization import with_fast_normalization
from fer.models.common.registry import BACKBONE


def with_head(backbone: keras.Model, classes: int) -> keras.Model:
    """``backbone`` (no top), global average pooling, dropout 0.3 and a dense layer of ``classes`` logits.

    The logits begin at zero: pooled features differ tenfold in scale between pretrained files, and random weights would
    make confident predictions of the large ones.

    Args:
        backbone: Keras' network without its top.
        classes: number of logits.
    """
    backbone = with_fast_normalization(backbone)
    backbone.name = BACKBONE
    inputs = keras.Input(backbone.input_shape[1:])
    x = layers.GlobalAveragePooling2D(name="pool")(backbone(inputs))
    x = layers.Dropout(0.3, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(classes, kernel_initializer="zeros", dtype="float32", name="logits")(x))
