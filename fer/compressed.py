"""A single file, unpacked where its ending says that it is compressed."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

#: What damaged or unreadable files raise; a zip with a password or of a foreign kind raises a RuntimeError.
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, RuntimeError)

#: How a file is opened, by its ending.
OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}  # type: ignore[dict-item]


def decompressed(path: Path) -> IO[bytes]:
    """The bytes of a file.

    Raises:
        OSError, EOFError, zlib.error, lzma.LZMAError: here or while they are read, of a damaged one.
    """
    return OPENERS.get(path.suffix.lower(), lambda path: path.open("rb"))(path)


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split())
