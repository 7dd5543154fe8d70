"""Scales of random weights with which short trainings learn in fewer epochs; pretrained files overwrite them."""

import math

import keras
from keras import layers

from fer.models.common.registry import BACKBONE


def scale_as_he(network: keras.Model) -> None:
    """Take the backbone's kernels from Glorot's variance to the 2 / fan_in of He et al. (2015), without another draw.

    With Glorot's the signal halves in each layer that has no normalisation.

    Args:
        network: of ``fer.models.common.transfer.with_head``.
    """
    for layer in network.get_layer(BACKBONE).layers:
        if isinstance(layer, layers.Conv2D):
            channels, filters = layer.kernel.shape[2:]
            layer.kernel.assign(layer.kernel * math.sqrt((channels + filters) / channels))


def shrink_branches(network: keras.Model, branch_end: str) -> None:
    """Scale the backbone's residual branches by one over the root of their number.

    So shortcuts dominate at the start (De and Smith 2020, arXiv:2002.10444).

    Args:
        network: of ``fer.models.common.transfer.with_head``.
        branch_end: what the last normalisation of a branch is called after its block.
    """
    backbone = network.get_layer(BACKBONE)
    blocks = [layer.name.removesuffix("_add") for layer in backbone.layers if isinstance(layer, layers.Add)]
    for block in blocks:
        gamma = backbone.get_layer(block + branch_end).gamma
        gamma.assign(gamma * len(blocks) ** -0.5)
