"""The files of a folder, a zip or a tar, by their paths inside it: listed without being read."""

import os
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from fer.compressed import OPENERS, UNREADABLE, one_line
from fer.errors import UserError
from fer.files import is_text

#: A photo has some MB; a file beyond this many bytes is not read into memory.
MOST_BYTES = 64 * 2**20
#: Bytes that a compressed tar may unpack to, on disk.
MOST_UNPACKED = 32 * 2**30

_HELPERS = {"thumbs.db", "desktop.ini", "__macosx", "lost+found"}


@dataclass(frozen=True)
class File:
    """One file: how many bytes it has, and how to open it."""

    size: int
    open: Callable[[], IO[bytes]]

    def read(self, most: int = MOST_BYTES) -> bytes:
        """All of its bytes.

        Raises:
            OSError: where there are more than ``most``.
        """
        data = self.start(most + 1) if self.size <= most else b""
        if max(self.size, len(data)) > most:  # or its header lied
            raise OSError(f"more than {most >> 20} MB")
        return data

    def start(self, count: int) -> bytes:
        """Its first bytes, ``count`` at most."""
        with self.open() as file:
            return file.read(count)


Files = Mapping[PurePosixPath, File]


@contextmanager
def open_files(path: Path) -> Iterator[Files]:
    """The files of a folder or an archive, in no order; hidden ones and those that systems leave are passed over.

    Raises:
        UserError: for a path that is neither, a damaged archive, a link that leads back, and an entry of an archive
            that is a link or lies outside of it.
    """
    if path.is_dir():
        yield _folder_files(path)
        return
    try:
        if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                yield _zip_files(path, archive)
        else:
            with tempfile.TemporaryFile() as unpacked, _open_tar(path, unpacked) as tar:
                yield _tar_files(path, tar)
    except UNREADABLE as error:
        said = f"cannot be read as a {_kind(path)} ({one_line(error)}); get the file again or name a folder"
        raise UserError(f"{path}: {said}") from error


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or a tar, compressed or not, by its name or its first bytes."""
    if path.suffix.lower() in (".zip", ".tar", ".tgz") or path.stem.lower().endswith(".tar"):
        return True
    try:
        # The tar's header alone is read; an xz of a CSV is no tar, and its first block is unpacked to know it.
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except UNREADABLE:
        return False


def is_helper(path: PurePosixPath) -> bool:
    """Whether a file or a folder above it is hidden, or one that systems leave."""
    return any(part.startswith(".") or part.lower() in _HELPERS for part in path.parts)


def _folder_files(folder: Path) -> Files:
    files: dict[PurePosixPath, File] = {}

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be read ({error.strerror}); check its permissions") from error

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        folders[:] = [name for name in folders if not is_helper(PurePosixPath(name))]
        for name in folders:
            _check_no_loop(folder, Path(parent, name))
        for name in names:
            file = Path(parent, name)
            if not is_helper(PurePosixPath(name)):
                _check_name(folder, str(file.relative_to(folder)))
                files[PurePosixPath(file.relative_to(folder).as_posix())] = _regular(file)
    return files


def _check_no_loop(root: Path, folder: Path) -> None:
    """That no symbolic link leads from ``folder`` to one that it lies in, which would be walked without end."""
    if folder.is_symlink() and Path(os.path.realpath(folder.parent)).is_relative_to(os.path.realpath(folder)):
        raise UserError(f"{root}: {folder.relative_to(root)}: the link leads back to a folder above it; remove it")


def _regular(path: Path) -> File:
    try:
        state = path.stat()
    except OSError as error:  # a link to nothing
        return _fails(str(error.strerror))
    return File(state.st_size, lambda: path.open("rb")) if stat.S_ISREG(state.st_mode) else _fails("no regular file")


def _fails(reason: str) -> File:
    """A file that says why it cannot be read once somebody wants to."""

    def fail() -> IO[bytes]:
        raise OSError(reason)

    return File(0, fail)


def _zip_files(where: Path, archive: zipfile.ZipFile) -> Files:
    files: dict[PurePosixPath, File] = {}
    for entry in archive.infolist():
        path = _inside(where, entry.filename)
        if entry.is_dir() or is_helper(path):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _link(where, path)
        if path in files:
            raise UserError(f"{where}: entry '{path}' stands in it twice; unpack the archive and name the folder")
        # No more than this is unpacked: zipfile stops there, whatever the compressed data holds.
        files[path] = File(entry.file_size, partial(archive.open, entry))
    return files


def _tar_files(where: Path, archive: tarfile.TarFile) -> Files:
    files = {}
    for member in archive:
        path = _inside(where, member.name)
        if member.isdir() or is_helper(path):
            continue
        if not member.isreg():
            raise _link(where, path)
        files[path] = File(member.size, partial(_member, archive, member))
    # tarfile takes a damaged header, or none, for the end, which is a block of zeros.
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise OSError(f"it is cut off or damaged after {len(archive.getmembers())} entries")
    return files


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(member)
    if file is None:  # of a regular file it is none
        raise OSError("no regular file")
    return file


def _inside(where: Path, entry: str) -> PurePosixPath:
    _check_name(where, entry)
    name = entry.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise UserError(f"{where}: entry {entry!r} points outside the {_kind(where)}; do not trust this file")
    return path


def _check_name(where: Path, name: str) -> None:
    if not is_text(name):
        raise UserError(f"{where}: the name {name!r} is not UTF-8; rename it")


def _kind(where: Path) -> str:
    return "zip" if where.suffix.lower() == ".zip" else "tar"


def _link(where: Path, path: PurePosixPath) -> UserError:
    return UserError(f"{where}: entry '{path}' is a link or no regular file; unpack the archive and name the folder")


@contextmanager
def _open_tar(path: Path, unpacked: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """The tar, unpacked to a temporary file where it is compressed: members are read in any order."""
    if tarfile.is_tarfile(path) and not _is_plain_tar(path):
        with _tar_stream(path) as stream:
            while block := stream.read(2**20):
                unpacked.write(block)
                if unpacked.tell() > MOST_UNPACKED:
                    raise OSError(f"it unpacks to more than {MOST_UNPACKED >> 30} GB")
        unpacked.seek(0)
        with tarfile.open(fileobj=unpacked, mode="r:") as tar:
            yield tar
    else:
        with tarfile.open(path, "r:") as tar:
            yield tar


def _is_plain_tar(path: Path) -> bool:
    try:
        tarfile.open(path, "r:").close()
    except tarfile.TarError:
        return False
    return True


def _tar_stream(path: Path) -> IO[bytes]:
    """A compressed tar's bytes, by its first bytes: its name may say otherwise."""
    with path.open("rb") as file:
        start = file.read(6)
    for magic, ending in ((b"\x1f\x8b", ".gz"), (b"BZh", ".bz2"), (b"\xfd7zXZ\x00", ".xz")):
        if start.startswith(magic):
            return OPENERS[ending](path)
    raise OSError("unknown compression")
