"""Facial emotion recognition: data, models, training, inference and serving."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fer.inference.faces import Face, Photo
    from fer.inference.reader import Reader
    from fer.inference.video import Frame

__all__ = ["Face", "Frame", "Photo", "Reader", "__version__"]

#: Of the distribution ``fer-pipeline`` too: its pyproject.toml reads it here, as a Bento has this file and no metadata.
__version__ = "0.1.0"

#: Loaded when first asked for: ``import fer`` alone needs no NumPy.
_LATE = {
    "Face": "fer.inference.faces",
    "Frame": "fer.inference.video",
    "Photo": "fer.inference.faces",
    "Reader": "fer.inference.reader",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'fer' has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)


def __dir__() -> list[str]:
    return __all__
