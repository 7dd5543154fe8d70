"""The registry of architectures."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from fer.errors import UserError, did_you_mean
from fer.models.weights import PretrainedFile

_ARCHITECTURES: dict[str, "Architecture"] = {}


@dataclass(frozen=True)
class Architecture:
    """A network by name.

    Attributes:
        name: what params.yaml calls it.
        title: what tables and figures call it.
        build: ``build(classes, input_size)`` gives the network: float32 ``[N, input_size, input_size, C]`` in its
            preprocessing's range and channels, logits ``[N, classes]`` out, with the transfer backbone, if any, as the
            layer named ``backbone``.
        preprocessing: the key of ``PREPROCESSINGS`` used where no pretrained file says otherwise.
        pretrained: files with published weights for the backbone, best first; empty for a network without any.
    """

    name: str
    title: str
    build: Callable[[int, int], keras.Model]
    preprocessing: str
    pretrained: tuple[PretrainedFile, ...] = ()


def register(
    name: str, title: str, preprocessing: str, pretrained: tuple[PretrainedFile, ...] = ()
) -> Callable[[Callable[[int, int], keras.Model]], Callable[[int, int], keras.Model]]:
    """Decorate a ``build`` function to register it as an architecture."""

    def decorate(build: Callable[[int, int], keras.Model]) -> Callable[[int, int], keras.Model]:
        _ARCHITECTURES[name] = Architecture(name, title, build, preprocessing, pretrained)
        return build

    return decorate


def list_architectures() -> list[str]:
    """Names of all architectures, in the order in which they were registered."""
    return list(_ARCHITECTURES)


def get_architecture(name: str) -> Architecture:
    """The architecture called ``name``.

    Raises:
        UserError: for an unknown name.
    """
    if name not in _ARCHITECTURES:
        raise UserError(f"unknown architecture {name!r}{did_you_mean(name, _ARCHITECTURES)}")
    return _ARCHITECTURES[name]
