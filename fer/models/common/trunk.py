"""What the networks of our own share: the standardized face, convolutions with normalisation, the head, a VGG trunk."""

import keras
from keras import KerasTensor, layers

from fer.models.common.normalization import normalization

#: Pixels cut off at every side: the borders that a shifted face leaves, and room for the corners of ten views.
MARGIN = 2


def standardized(inputs: KerasTensor) -> KerasTensor:
    """Each image with mean 0 and variance 1, whatever its light, less a margin of 2 pixels at every side."""
    scaled = layers.LayerNormalization(
        axis=[1, 2, 3], epsilon=1e-5, center=False, scale=False, dtype="float32", name="standardize"
    )(inputs)
    return layers.Cropping2D(MARGIN, dtype="float32", name="centre")(scaled)


def convolution(x: KerasTensor, filters: int, kernel: int = 3, strides: int = 1) -> KerasTensor:
    """A convolution without bias and its batch normalisation."""
    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return normalization()(x)


def head(x: KerasTensor, classes: int, dropout: float) -> KerasTensor:
    """Global average pooling, dropout and the logits."""
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, dtype="float32", name="logits")(x)


def vgg_trunk(widths: tuple[int, ...], classes: int, input_size: int, dropout: float) -> keras.Model:
    """Stages of two 3x3 convolutions with batch normalisation and ReLU, pooled by 2 between them; then the head.

    The plan of VGG (Simonyan and Zisserman 2014) with global average pooling in place of its dense layers.

    Args:
        widths: filters of every stage.
        classes: number of logits.
        input_size: side of the grey input, in pixels.
        dropout: share of the pooled features dropped in training.
    """
    inputs = keras.Input((input_size, input_size, 1))
    x = standardized(inputs)
    for stage, filters in enumerate(widths):
        x = layers.MaxPooling2D(2)(x) if stage else x
        for _ in range(2):
            x = layers.ReLU()(convolution(x, filters))
    return keras.Model(inputs, head(x, classes, dropout))
