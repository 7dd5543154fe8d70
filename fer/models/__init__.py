"""Architectures by name: one module each, registered when this package is imported."""

from fer.models import baseline, mobilenet_vggface2, mobilenetv2, resnet50, vgg16, vggface
from fer.models.registry import Architecture, get_architecture, list_architectures

__all__ = [
    "Architecture",
    "baseline",
    "get_architecture",
    "list_architectures",
    "mobilenet_vggface2",
    "mobilenetv2",
    "resnet50",
    "vgg16",
    "vggface",
]
