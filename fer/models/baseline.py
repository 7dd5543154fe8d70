"""The baseline CNN of the reference study."""

import keras
from keras import layers

from fer.models.common.normalization import normalization
from fer.models.common.registry import register

FILTERS = (128, 256, 512, 512)


@register("baseline", "Baseline CNN", preprocessing="unit")
def build(classes: int, input_size: int) -> keras.Model:
    """Four blocks of a valid 3x3 convolution with ReLU, batch normalisation, pooling and dropout; dense 512 and 256.

    At 48x48x3 and five classes it has 4,239,621 parameters, 4,236,805 of them trainable. Source: the slides of the
    reference study; the dropout rates, which they do not give, are ours.
    """
    inputs = keras.Input((input_size, input_size, 3))
    x = inputs
    for filters in FILTERS:
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = normalization()(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(0.25)(x)
    x = layers.Flatten()(x)
    for units in (512, 256):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, layers.Dense(classes, dtype="float32", name="logits")(x))
