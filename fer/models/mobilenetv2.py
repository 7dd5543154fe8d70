"""MobileNetV2 (Sandler et al. 2018) with ImageNet weights."""

import keras

from fer.models.common.random_weights import shrink_branches
from fer.models.common.registry import register
from fer.models.common.transfer import with_head
from fer.models.common.weights import PretrainedFile

PRETRAINED = (
    PretrainedFile(
        name="mobilenetv2_imagenet_notop.weights.h5",
        label="imagenet",
        preprocessing="tf",
        digest="de68f5149b7ec9c479c649b71a9519cc1f1939933991c2fdbc025354307f99e4",
    ),
    PretrainedFile(
        name="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        label="imagenet",
        preprocessing="tf",
    ),
)


@register("mobilenetv2", "MobileNetV2", preprocessing="tf", pretrained=PRETRAINED)
def build(classes: int, input_size: int) -> keras.Model:
    """Keras' MobileNetV2 (alpha 1.0) without its top, under a new head."""
    backbone = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(input_size, input_size, 3))
    network = with_head(backbone, classes)
    shrink_branches(network, branch_end="_project_BN")
    return network
