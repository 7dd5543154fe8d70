"""Labelled face images in folders or in a zip: ``train/<emotion>/*``, ``test/<emotion>/*``, or just ``<emotion>/*``."""

import io
import os
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

import cv2
import numpy as np
import pandas as pd

from fer.data.dataset import COLUMNS
from fer.data.source import SourceFaces
from fer.emotions import EMOTIONS, emotion_name
from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE
from fer.inference.resize import to_face

#: Folder names of the splits, in lower case.
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}

#: The table of further columns (age band, region, camera) that may lie beside the folders.
GROUPS = "groups.csv"

#: A photo has some MB; of a file beyond this many bytes no image is read.
MOST_BYTES = 64 * 2**20

_HELPERS = {"thumbs.db", "desktop.ini", "__macosx"}
_IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

#: A file's path below the data's root, and how to read its bytes.
_Files = dict[PurePosixPath, Callable[[], bytes]]


def read_folder(path: Path) -> SourceFaces:
    """Read a folder or a zip of labelled images; ``source_id`` is the file's path inside it, with forward slashes.

    Images of any size and colour become grey 48x48. Files are taken in the order of their paths. Hidden files and those
    that systems leave (Thumbs.db, __MACOSX) are passed over, and so is one folder that wraps all others. Columns of a
    ``groups.csv`` (``file`` and further ones) in the root join the table; images that it leaves out get "".

    Raises:
        UserError: for a path, layout, emotion folder or file that cannot be used, naming it.
    """
    if path.is_dir():
        return _read_files(path.resolve().name, path, _folder_files(path))
    if not path.is_file():
        raise UserError(f"{path}: no such folder or zip; check data.path")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_files(path.stem, path, _zip_files(path, archive))
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as a zip ({error}); get the file again or name a folder") from error


def _read_files(name: str, where: Path, files: _Files) -> SourceFaces:
    files = _unwrapped({path: read for path, read in files.items() if not _is_helper(path)})
    labelled = {path: place for path in sorted(files) if (place := _place(where, path)) is not None}
    if not labelled:
        raise UserError(f"{where}: no images in it; expected train/<emotion>/*.jpg or <emotion>/*.jpg")
    images = np.empty((len(labelled), FACE_SIZE, FACE_SIZE), np.uint8)
    for row, path in enumerate(labelled):
        images[row] = _decode(where, path, files[path])
    table = pd.DataFrame(list(labelled.values()), columns=["split", "emotion"])
    table["source_id"] = [str(path) for path in labelled]
    groups = files.get(PurePosixPath(GROUPS))
    if groups is not None:
        table = table.join(_read_groups(where, _bytes(where, PurePosixPath(GROUPS), groups), table["source_id"]))
    return SourceFaces(name, str(where), images, table)


def _folder_files(folder: Path) -> _Files:
    files: _Files = {}
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _is_helper(PurePosixPath(name))]
        for name in folders:
            _check_no_loop(folder, Path(parent, name))
        for name in names:
            file = Path(parent, name)
            files[PurePosixPath(file.relative_to(folder).as_posix())] = partial(_file_bytes, file)
    return files


def _check_no_loop(root: Path, folder: Path) -> None:
    """That no symbolic link leads from ``folder`` to one that it lies in, which would be walked without end."""
    if folder.is_symlink() and Path(os.path.realpath(folder.parent)).is_relative_to(os.path.realpath(folder)):
        raise UserError(f"{root}: {folder.relative_to(root)}: the link leads back to a folder above it; remove it")


def _file_bytes(file: Path) -> bytes:
    if file.exists() and not file.is_file():
        raise OSError("no regular file")
    if file.stat().st_size > MOST_BYTES:
        raise OSError(f"more than {MOST_BYTES >> 20} MB")
    return file.read_bytes()


def _zip_files(where: Path, archive: zipfile.ZipFile) -> _Files:
    files: _Files = {}
    for entry in archive.infolist():
        name = entry.filename.replace("\\", "/")
        path = PurePosixPath(name)
        if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
            raise UserError(f"{where}: entry {entry.filename!r} points outside the zip; do not trust this file")
        if not entry.is_dir():
            files[path] = _zip_reader(archive, entry)
    return files


def _zip_reader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        # No more than this is unpacked: zipfile stops there, whatever the compressed data holds.
        if entry.file_size > MOST_BYTES:
            raise OSError(f"more than {MOST_BYTES >> 20} MB")
        return archive.read(entry)

    return read


def _is_helper(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part.lower() in _HELPERS for part in path.parts)


def _unwrapped(files: _Files) -> _Files:
    """The files below the one folder that holds them all, as long as its name is neither a split nor an emotion."""
    tops = {path.parts[0] for path in files}
    if len(tops) != 1 or any(len(path.parts) == 1 for path in files):
        return files
    top = tops.pop()
    if top.lower() in SPLIT_FOLDERS or emotion_name(top):
        return files
    return _unwrapped({PurePosixPath(*path.parts[1:]): read for path, read in files.items()})


def _place(where: Path, path: PurePosixPath) -> tuple[str, str] | None:
    """Split and emotion that a file's folders give it, or None for a file beside the folders that is no image."""
    folders = list(path.parts[:-1])
    split = SPLIT_FOLDERS.get(folders[0].lower()) if folders else None
    if split:
        folders.pop(0)
    if not folders:
        if path.suffix.lower() in _IMAGE_SUFFIXES:
            raise UserError(f"{where}: {path}: the image lies in no emotion's folder; move or remove it")
        return None
    emotion = emotion_name(folders[0])
    if emotion is None:
        raise UserError(
            f"{where}: {path}: folder {folders[0]!r} names no emotion; rename it to one of {', '.join(EMOTIONS)}, "
            "or remove it"
        )
    return split or "train", emotion


def _bytes(where: Path, path: PurePosixPath, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    # RuntimeError and NotImplementedError: an encrypted entry, an unknown compression
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"{where}: {path}: cannot be read ({error}); get the file again") from error


def _decode(where: Path, path: PurePosixPath, read: Callable[[], bytes]) -> np.ndarray:
    data = _bytes(where, path, read)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # an empty file, or more pixels than OpenCV accepts
        image = None
    if image is None:
        raise UserError(f"{where}: {path}: not an image that OpenCV can decode; replace or remove it")
    return to_face(image)


def _read_groups(where: Path, data: bytes, source_ids: pd.Series) -> pd.DataFrame:
    """The further columns of groups.csv, one row per image."""
    try:
        groups = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, skipinitialspace=True)
    except ValueError as error:
        raise UserError(
            f"{where}: {GROUPS}: cannot be read ({' '.join(str(error).split())}); write it as CSV in UTF-8"
        ) from error
    if "file" not in groups:
        raise UserError(f"{where}: {GROUPS}: no column 'file'; name each image's path in it")
    taken = sorted({*COLUMNS, "reason", "copy_of"} & set(groups))
    if taken:
        raise UserError(f"{where}: {GROUPS}: column {taken[0]!r} is the data set's own; rename it")
    _check_group_files(where, groups["file"], set(source_ids))
    return groups.set_index("file").reindex(source_ids, fill_value="").reset_index(drop=True)


def _check_group_files(where: Path, files: pd.Series, known: set[str]) -> None:
    for wrong, fault, remedy in (
        (~files.isin(known), "names no image", "correct the path"),
        (files.duplicated(), "is listed twice", "keep one row"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            raise UserError(f"{where}: {GROUPS}: row {row + 1} after the header: {files[row]!r} {fault}; {remedy}")
