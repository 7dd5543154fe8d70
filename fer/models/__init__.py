"""Architectures by name: every module of this folder is one, imported when it is asked for; ``common`` is shared."""

from pathlib import Path


def list_architectures() -> list[str]:
    """Names of all architectures, sorted: the files of this folder. None is imported, nor is Keras."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__")
