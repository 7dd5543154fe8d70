"""Outputs that appear whole or not at all. Of two processes that write one at a time, the last wins whole."""

import functools
import glob
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fer.errors import UserError

#: A file on its way into place, by the number of its process.
_LEFT_FILE = re.compile(r"\.new-[0-9a-f]{8}-(\d+)(?:\.|$)")


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``folder`` and move it into place when the block succeeds.

    A failure, a full disk or a kill inside the block leaves the former folder as it was. A kill in the instant between
    the two renames leaves it under its ``.old`` name, from which ``restore_folder`` takes it back.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    restore_folder(folder)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    for other in folder.parent.glob(f".{glob.escape(folder.name)}.*.new"):
        number = other.name.split(".")[-2]
        if other == fresh or (number.isdecimal() and not _is_running(int(number))):
            shutil.rmtree(other, ignore_errors=True)
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
    """Yield a path beside ``path`` to write to; it takes ``path``'s place when the block succeeds.

    Raises:
        OSError: naming ``path`` where the file beside it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = fresh_file(path)
    try:
        yield fresh
        os.replace(fresh, path)
    except OSError as error:
        if error.filename == str(fresh):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        fresh.unlink(missing_ok=True)


def fresh_file(path: Path) -> Path:
    """A path beside ``path``, of its ending, that is this process's own."""
    _clear(path.parent)
    # Not the name itself, which may be as long as a file system takes.
    return path.with_name(f".new-{zlib.crc32(os.fsencode(path.name)):08x}-{os.getpid()}{path.suffix}")


@functools.lru_cache  # a folder may hold very many files
def _clear(folder: Path) -> None:
    """Remove what killed processes left half written."""
    for name in os.listdir(folder):
        left = _LEFT_FILE.match(name)
        if left and not _is_running(int(left[1])):
            (folder / name).unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name == "nt":  # there os.kill ends it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def check_place(path: Path, folder: bool = False) -> None:
    """Check that a file, or a folder, can be written at a path, as far as can be told before.

    Raises:
        UserError: where something of the other kind is there, or the folder to write to is none or not writable.
    """
    if path.exists() and path.is_dir() != folder:
        raise UserError(f"{path}: is a {'file; give a folder' if path.is_file() else 'folder; give a file'}'s name")
    if folder and path.is_symlink() and not path.exists():
        raise UserError(f"{path}: is a link that leads to nothing; choose another place")
    above = path.parent
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    if not above.is_dir():
        raise UserError(f"{path}: cannot be written, as {above} is no folder; choose another place")
    if not os.access(above, os.W_OK | os.X_OK):
        raise UserError(f"{path}: cannot be written (no permission in {above}); choose another place")


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
