"""Architectures by name: one module each, registered when this package is imported."""

from fer.models import (
    baseline,
    compact,
    compact_seresnet,
    mini,
    mobilenet_vggface2,
    mobilenetv2,
    resnet50,
    vgg16,
    vggface,
)
from fer.models.registry import Architecture, get_architecture, list_architectures

__all__ = [
    "Architecture",
    "baseline",
    "compact",
    "compact_seresnet",
    "get_architecture",
    "list_architectures",
    "mini",
    "mobilenet_vggface2",
    "mobilenetv2",
    "resnet50",
    "vgg16",
    "vggface",
]
