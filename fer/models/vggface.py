"""VGGFace: VGG16 trained on 2.6 million faces (Parkhi, Vedaldi and Zisserman 2015).

Its weights carry Oxford's terms and are not downloaded. Without them the network begins from VGG16's ImageNet weights,
and its tables say so.
"""

from fer.models.common.registry import register
from fer.models.common.vgg import IMAGENET, vgg16
from fer.models.common.weights import PretrainedFile

FACES = PretrainedFile(
    name="rcmalli_vggface_tf_notop_vgg16.h5",
    label="vggface",
    preprocessing="vggface",
    layout="vggface",
)

register("vggface", "VGGFace", preprocessing="vggface", pretrained=(FACES, *IMAGENET))(vgg16)
