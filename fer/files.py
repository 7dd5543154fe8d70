"""Outputs that appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``folder`` and move it into place when the block succeeds.

    A failure, a full disk or a kill inside the block leaves the former folder as it was. A kill in the instant between
    the two renames leaves it under its ``.old`` name, from which ``restore_folder`` takes it back.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    restore_folder(folder)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    old = _old(folder)
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        fresh.rename(folder)
    except BaseException:
        restore_folder(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(folder: Path) -> None:
    """Put back the former ``folder`` where a kill between the two renames of ``replace_folder`` left none."""
    old = _old(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes ``path``'s place when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".new-{path.name}")
    try:
        yield fresh
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with replace_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def write_array(path: Path, array: np.ndarray) -> None:
    """Write ``array`` as ``.npy``, whole or not at all.

    Raises:
        OSError: with the system's number, which NumPy's own way of writing to a file loses when a disk is full.
    """
    with replace_file(path) as fresh, fresh.open("wb") as file:
        np.save(_Stream(file), array)


class _Stream:
    """A file of which NumPy sees the ``write`` alone, and so uses it."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write
