"""The registry of architectures: ``fer/models/<name>.py`` registers what params.yaml calls ``<name>``."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from fer.errors import UserError, did_you_mean
from fer.models import list_architectures

if TYPE_CHECKING:  # names are listed without Keras
    import keras

    from fer.models.common.weights import PretrainedFile

Build = Callable[[int, int], "keras.Model"]

#: The layer that holds a transfer network's pretrained part.
BACKBONE = "backbone"

#: The architectures that were imported.
_ARCHITECTURES: dict[str, "Architecture"] = {}


@dataclass(frozen=True)
class Architecture:
    """A network by name.

    Attributes:
        name: what params.yaml calls it.
        title: what tables and figures call it.
        build: ``build(classes, input_size)`` gives the network: float32 ``[N, input_size, input_size, C]`` in its
            preprocessing's range and channels, logits ``[N, classes]`` out, with the transfer backbone, if any, as the
            layer named ``BACKBONE``.
        preprocessing: the key of ``PREPROCESSINGS`` used where no pretrained file says otherwise.
        pretrained: files with published weights for the backbone, best first; empty for a network without any.
    """

    name: str
    title: str
    build: Build
    preprocessing: str
    pretrained: "tuple[PretrainedFile, ...]" = ()


def register(
    name: str, title: str, preprocessing: str, pretrained: "tuple[PretrainedFile, ...]" = ()
) -> Callable[[Build], Build]:
    """Decorate a ``build`` function to register it as an architecture, by the name of its module."""

    def decorate(build: Build) -> Build:
        _ARCHITECTURES[name] = Architecture(name, title, build, preprocessing, pretrained)
        return build

    return decorate


def get_architecture(name: str) -> Architecture:
    """The architecture called ``name``; its module is imported.

    Raises:
        UserError: for an unknown name, or a module that does not register its own.
    """
    files = list_architectures()
    if name not in _ARCHITECTURES and name in files:
        import_module(f"fer.models.{name}")
        if name not in _ARCHITECTURES:
            raise UserError(f"fer/models/{name}.py: registers no {name!r}; decorate its build with @register({name!r})")
    if name not in _ARCHITECTURES:
        raise UserError(f"unknown architecture {name!r}{did_you_mean(name, sorted({*files, *_ARCHITECTURES}))}")
    return _ARCHITECTURES[name]
