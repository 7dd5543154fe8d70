"""The compact CNN's small sister, for weak devices."""

import keras

from fer.models.common.registry import register
from fer.models.common.trunk import vgg_trunk


@register("mini", "Mini CNN", preprocessing="grey")
def build(classes: int, input_size: int) -> keras.Model:
    """A VGG trunk of 32, 64, 128 and 192 filters: 0.84 M parameters."""
    return vgg_trunk((32, 64, 128, 192), classes, input_size, dropout=0.1)
