"""A new head on a pretrained backbone: what the transfer architectures share."""

import keras
from keras import layers

from fer.models.common.normalization import with_fast_normalization
from fer.models.common.registry import BACKBONE


def with_head(backbone: keras.Model, classes: int, branch_end: str = "") -> keras.Model:
    """``backbone`` (no top), global average pooling, dropout 0.3 and a dense layer of ``classes`` logits.

    The logits begin at zero: pooled features differ tenfold in scale between pretrained files, and random weights would
    make confident predictions of the large ones.

    Args:
        backbone: Keras' network without its top.
        classes: number of logits.
        branch_end: what the last normalisation of a residual branch is called after its block; "" for no branches.
    """
    backbone = with_fast_normalization(backbone)
    if branch_end:
        _begin_small(backbone, branch_end)
    backbone.name = BACKBONE
    inputs = keras.Input(backbone.input_shape[1:])
    x = layers.GlobalAveragePooling2D(name="pool")(backbone(inputs))
    x = layers.Dropout(0.3, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(classes, kernel_initializer="zeros", dtype="float32", name="logits")(x))


def _begin_small(backbone: keras.Model, branch_end: str) -> None:
    """Scale random residual branches by one over the root of their number (De and Smith 2020, arXiv:2002.10444).

    Beside shortcuts that dominate, short trainings learn in fewer epochs. Pretrained files overwrite it.
    """
    blocks = [layer.name.removesuffix("_add") for layer in backbone.layers if isinstance(layer, layers.Add)]
    for block in blocks:
        gamma = backbone.get_layer(block + branch_end).gamma
        gamma.assign(gamma * len(blocks) ** -0.5)
