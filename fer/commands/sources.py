"""Which photos a command line names, and where each annotated one goes."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer.errors import UserError
from fer.files import check_place, identity
from fer.inference.formats import SUFFIXES
from fer.inference.image import MAX_FILE
from fer.inference.media import is_address, media_kind

#: Formats in which annotated photos are written; others become JPEG.
WRITTEN_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"))
#: Endings of files, not of folders, that are not written.
_OTHER_FILES = frozenset((*SUFFIXES, ".csv", ".html", ".json", ".mp4", ".avi", ".mov", ".pdf", ".svg", ".txt", ".zip"))
#: The argument that stands for standard input.
STDIN = "-"


@dataclass(frozen=True)
class Unread:
    """What was not read: its name as outputs have it, and why."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


@dataclass(frozen=True)
class Source:
    """A photo to read: what outputs call it, and its file; None is standard input."""

    name: str
    path: Path | None

    @property
    def may_wait(self) -> bool:
        """Whether reading may wait for what somebody sends: a pipe's bytes, not a file's."""
        return self.path is None or not os.path.isfile(self.path)

    def read(self) -> bytes:
        """The photo's bytes.

        Raises:
            UserError: when they cannot be read, are too many, or a video's.
        """
        try:
            if self.path is None:
                if sys.stdin is None:
                    raise UserError("standard input is closed; name a photo")
                data = sys.stdin.buffer.read(MAX_FILE + 1)
            else:
                with self.path.open("rb") as file:
                    data = file.read(MAX_FILE + 1)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"cannot be read ({reason}); check the path and its permissions") from error
        if media_kind(data) == "video":
            raise UserError("is a video; fer video reads videos")
        if len(data) > MAX_FILE:
            raise UserError(f"has more than {MAX_FILE >> 20} MiB; give a smaller photo")
        return data


def find_photos(arguments: Sequence[str]) -> tuple[list[Source], list[Unread]]:
    """The photos that a command line names, each once, and every argument and folder that holds none.

    Files are taken as they are. A folder stands for the photos in it and in its subfolders, in the order of their
    names; hidden files and folders, links to folders and files with other endings are passed over.

    Args:
        arguments: files, folders, or ``-`` for standard input.
    """
    found: dict[str, Source] = {}
    problems = []
    for argument in arguments:
        if argument == STDIN:
            found.setdefault(STDIN, Source("stdin", None))
            continue
        if is_address(argument):
            problems.append(Unread(argument, "is an address; download the photo, and name its file"))
            continue
        if _is_absent(argument):
            problems.append(Unread(_shown(argument), "no such file or folder; check the path"))
            continue
        paths, closed = _below(argument) if os.path.isdir(argument) else ([Path(argument)], [])
        problems += closed
        if not paths and not closed:
            problems.append(Unread(_shown(argument), f"holds no photo; known endings: {' '.join(sorted(SUFFIXES))}"))
        for path in paths:
            found.setdefault(_place(path), Source(_shown(path), path))
    return list(found.values()), problems


def _is_absent(path: str) -> bool:
    """Whether nothing is there; what cannot be looked at may be."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # ValueError: a zero byte in the name
        return False
    return False


def _shown(name: str | Path) -> str:
    """A file's name; one that is no UTF-8 as far as it is."""
    return str(name).encode("utf-8", "replace").decode()


def _place(path: str | Path) -> str:
    """Where a file or a link is: the same for every way of naming it, as ``a/../b`` where ``a`` is a link."""
    folder, name = os.path.split(os.path.join(os.getcwd(), path))
    return os.path.join(os.path.realpath(folder), name) if name not in ("", ".", "..") else os.path.realpath(path)


def _below(folder: str) -> tuple[list[Path], list[Unread]]:
    """The photos of a folder, and every folder in it that cannot be read."""
    photos, problems = [], []

    def note(error: OSError) -> None:
        problems.append(Unread(_shown(error.filename), f"cannot be read ({error.strerror}); check its permissions"))

    for parent, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith(".") and os.path.isfile(path):
                photos.append(path)
    return photos, problems


def find_targets(sources: Sequence[Source], arguments: Sequence[str], output: Path) -> dict[Source, Path]:
    """Where the annotated copy of every photo goes: no two share a place, and none is a photo that is read.

    One photo may go to a file of its own name. Otherwise ``output`` is a folder, in which the photos keep their places
    relative to the folder that holds all that was asked for.

    Raises:
        UserError: for a file's name where several photos are read or in a format that is not written, a place that
            cannot be written to, or where a photo would be overwritten.
    """
    if str(output) == STDIN:
        raise UserError("--output -: standard output is not written to; give a folder, or a file's name")
    is_file = output.suffix.lower() in WRITTEN_SUFFIXES and not output.is_dir()
    if output.suffix.lower() in _OTHER_FILES and not is_file and not output.is_dir():
        raise UserError(f"{output}: is not written in this format; give a folder, or a name that ends in .jpg or .png")
    # One that is not there was meant to be read too.
    single = len({_place(argument) for argument in arguments}) == 1 and not os.path.isdir(arguments[0])
    if is_file and not single:
        raise UserError(f"{output}: is a file's name, for more than one named photo; give a folder")
    if not is_file and output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file of another kind; give a folder, or a name that ends in .jpg or .png")
    targets: dict[Source, Path] = {}
    taken: set[str] = set()
    base = _common_folder(arguments)
    for source in sources:
        inside = Path("stdin.jpg") if source.path is None else Path(os.path.relpath(_place(source.path), base))
        target = output if is_file else _free(output / _written(inside), taken)
        taken.add(str(target).lower())
        targets[source] = target
    check_place(next(iter(targets.values())))
    kept = {identity(source.path) for source in sources if source.path} - {None}
    for source, target in targets.items():
        if identity(target) in kept:
            raise UserError(f"{target}: is a photo that is read; write to another place than {source.name}")
    return targets


def _common_folder(arguments: Sequence[str]) -> str:
    """The folder that holds everything that was asked for."""
    named = [_place(argument) for argument in arguments if argument != STDIN]
    folders = [path if os.path.isdir(path) else os.path.dirname(path) for path in named]
    return os.path.commonpath(folders) if folders else ""


def _written(path: Path) -> Path:
    """The path with an ending of a format that can be written."""
    return path if path.suffix.lower() in WRITTEN_SUFFIXES else path.with_name(f"{path.name}.jpg")


def _free(path: Path, taken: set[str]) -> Path:
    """The path, or the first one with a number that is not taken; some file systems know no case."""
    free, number = path, 1
    while str(free).lower() in taken:
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free
