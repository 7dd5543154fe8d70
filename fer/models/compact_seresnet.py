"""The compact SE-ResNet: the other design for 48x48 grey faces, trained from random weights."""

import keras
from keras import KerasTensor, layers

from fer.models.common.registry import register
from fer.models.common.trunk import convolution, head, standardized

WIDTHS = (32, 64, 160, 320)
#: Features per hidden unit of the squeeze-and-excitation gates.
REDUCTION = 8


@register("compact_seresnet", "Compact SE-ResNet", preprocessing="grey")
def build(classes: int, input_size: int) -> keras.Model:
    """ResNet-18 (He et al. 2015) with squeeze-and-excitation (Hu et al. 2018), a 3x3 stem and 32 to 320 filters.

    Shortcuts that change shape are average pooling and a 1x1 convolution (ResNet-D, He et al. 2019). 4.3 M parameters.
    """
    inputs = keras.Input((input_size, input_size, 1))
    x = layers.ReLU()(convolution(standardized(inputs), WIDTHS[0]))
    for stage, filters in enumerate(WIDTHS):
        x = _block(x, filters, strides=2 if stage else 1)
        x = _block(x, filters, strides=1)
    return keras.Model(inputs, head(x, classes, dropout=0.3))


def _block(x: KerasTensor, filters: int, strides: int) -> KerasTensor:
    y = layers.ReLU()(convolution(x, filters, strides=strides))
    y = _excited(convolution(y, filters), filters)
    if strides > 1:
        x = layers.AveragePooling2D(strides, padding="same")(x)
    if x.shape[-1] != filters:
        x = convolution(x, filters, kernel=1)
    return layers.ReLU()(layers.Add()([x, y]))


def _excited(x: KerasTensor, filters: int) -> KerasTensor:
    gates = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gates = layers.Conv2D(filters // REDUCTION, 1, activation="relu")(gates)
    gates = layers.Conv2D(filters, 1, activation="sigmoid")(gates)
    return layers.Multiply()([x, gates])
