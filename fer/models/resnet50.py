"""ResNet-50 (He et al. 2015) with ImageNet weights."""

import keras

from fer.models.common.random_weights import shrink_branches
from fer.models.common.registry import register
from fer.models.common.transfer import with_head
from fer.models.common.weights import KERAS_APPLICATIONS, PretrainedFile

PRETRAINED = (
    PretrainedFile(
        name="resnet50_imagenet_notop.weights.h5",
        label="imagenet",
        preprocessing="caffe",
        digest="96e2e3c3672fc46e4ef93d26c72cc828966968d89b3dd6beaadc62b3f55b8826",
    ),
    PretrainedFile(
        name="resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        label="imagenet",
        preprocessing="caffe",
        digest="4d473c1dd8becc155b73f8504c6f6626",
        url=KERAS_APPLICATIONS + "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
)


@register("resnet50", "ResNet-50", preprocessing="caffe", pretrained=PRETRAINED)
def build(classes: int, input_size: int) -> keras.Model:
    """Keras' ResNet50 without its top, under a new head."""
    backbone = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(input_size, input_size, 3))
    network = with_head(backbone, classes)
    shrink_branches(network, branch_end="_3_bn")
    return network
