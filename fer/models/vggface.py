"""VGGFace: VGG16 trained on 2.6 million faces (Parkhi, Vedaldi and Zisserman 2015).

Its weights carry Oxford's terms and are not downloaded. Without them the network begins from VGG16's ImageNet weights,
and its tables say so.
"""

from fer.models import vgg16
from fer.models.registry import register
from fer.models.weights import PretrainedFile

PRETRAINED = (
    PretrainedFile(
        name="rcmalli_vggface_tf_notop_vgg16.h5",
        label="vggface",
        preprocessing="vggface",
        layout="vggface",
    ),
    *vgg16.PRETRAINED,
)

build = register("vggface", "VGGFace", preprocessing="vggface", pretrained=PRETRAINED)(vgg16.build)
