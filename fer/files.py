"""Outputs that appear whole or not at all; each process writes to places of its own beside them."""

import functools
import os
import re
import shutil
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fer.errors import UserError

#: What is on its way into place: its name's and its machine's checksum, and the number of its process.
_FRESH = re.compile(r"\.[0-9a-f]{8}-([0-9a-f]{8})-(\d+)\.new(?:\.|$)")


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``folder`` and move it into place when the block succeeds.

    A failure, a full disk or a kill inside the block leaves the former folder as it was. A kill in the instant between
    the two renames leaves it under its ``.old`` name, from which ``restore_folder`` takes it back. Of two processes
    that are in that instant at once, one fails; two threads must not write one folder at a time.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    restore_folder(folder)
    fresh = fresh_path(folder, "")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        yield fresh
        _swap(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _swap(fresh: Path, folder: Path) -> None:
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

    An ``OSError`` of the file beside names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = fresh_path(path, path.suffix)
    try:
        yield fresh
        os.replace(fresh, path)
    except OSError as error:
        if error.filename == str(fresh):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        fresh.unlink(missing_ok=True)


def fresh_path(path: Path, suffix: str) -> Path:
    """A place beside ``path`` that is this process's own, here and on machines that share the disk."""
    _clear(path.parent)
    # Not the name itself, which may be as long as a file system takes.
    name = f"{zlib.crc32(os.fsencode(path.name)):08x}-{_machine()}-{os.getpid()}"
    return path.with_name(f".{name}.new{suffix}")


@functools.cache
def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


@functools.lru_cache  # a folder may hold very many files
def _clear(folder: Path) -> None:
    """Remove what killed processes of this machine left half written, as far as that can be done."""
    with suppress(OSError):
        for name in os.listdir(folder):
            left = _FRESH.match(name)
            if left and left[1] == _machine() and not _is_running(int(left[2])):
                shutil.rmtree(folder / name, ignore_errors=True)
                with suppress(OSError):
                    os.unlink(folder / name)


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


def identity(path: Path) -> tuple[int, int] | None:
    """The file that a path leads to, whatever the file system makes of its letters; None where there is none."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def is_text(name: str) -> bool:
    """Whether a name of the file system is UTF-8: others reach Python as surrogates, which tables and OpenCV lack."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_place(path: Path, folder: bool = False) -> None:
    """Check that a file, or a folder, can be put at a path, as far as can be told before.

    Raises:
        UserError: where something of the other kind is there, or the folder to write to is none or not writable.
    """
    if os.path.lexists(path) and folder and not os.path.isdir(path):
        raise UserError(f"{path}: is no folder; choose another place")
    if os.path.isdir(path) and not folder:
        raise UserError(f"{path}: is a folder; give a file's name")
    above = path.parent
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    if not os.path.isdir(above):
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
