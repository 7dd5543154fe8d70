"""MobileNet (Howard et al. 2017) trained on VGGFace2 identities (Cao et al. 2018): the compact face-pretrained one."""

import keras

from fer.models.common.registry import register
from fer.models.common.transfer import with_head
from fer.models.common.weights import PretrainedFile

PRETRAINED = (
    PretrainedFile(
        name="mobilenet_vggface2_notop.weights.h5",
        label="vggface2",
        preprocessing="caffe",
        digest="1e7f40798835f121730816c36e13c20297649ec2bf9990ed9905d4c3f48f47d2",
    ),
)


@register("mobilenet_vggface2", "MobileNet (VGGFace2)", preprocessing="caffe", pretrained=PRETRAINED)
def build(classes: int, input_size: int) -> keras.Model:
    """Keras' MobileNet (alpha 1.0) without its top, under a new head."""
    backbone = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(input_size, input_size, 3))
    return with_head(backbone, classes)
