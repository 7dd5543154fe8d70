"""The compact CNN: ours, for 48x48 grey faces, trained from random weights."""

import keras

from fer.models.common.registry import register
from fer.models.common.trunk import vgg_trunk


@register("compact", "Compact CNN", preprocessing="grey")
def build(classes: int, input_size: int) -> keras.Model:
    """A VGG trunk of 32, 96, 256 and 512 filters: 4.5 M parameters, most of them where the image is small."""
    return vgg_trunk((32, 96, 256, 512), classes, input_size, dropout=0.3)
