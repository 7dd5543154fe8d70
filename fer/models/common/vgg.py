"""VGG16 (Simonyan and Zisserman 2014) and its ImageNet weights: the network of both VGG16 and VGGFace."""

import keras

from fer.models.common.random_weights import scale_as_he
from fer.models.common.transfer import with_head
from fer.models.common.weights import KERAS_APPLICATIONS, PretrainedFile

IMAGENET = (
    PretrainedFile(
        name="vgg16_imagenet_notop_torch.weights.h5",
        label="imagenet",
        preprocessing="torch",
        digest="bea85d77f5b0df18bae2ede69e643d11ab996d0b0c224f139d18ab134c854871",
    ),
    PretrainedFile(
        name="vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        label="imagenet",
        preprocessing="caffe",
        digest="6d6bbae143d832006294945121d1f1fc",
        url=KERAS_APPLICATIONS + "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
)


def vgg16(classes: int, input_size: int) -> keras.Model:
    """Keras' VGG16 without its top, under a new head; its random weights have He's scale."""
    backbone = keras.applications.VGG16(include_top=False, weights=None, input_shape=(input_size, input_size, 3))
    network = with_head(backbone, classes)
    scale_as_he(network)
    return network
