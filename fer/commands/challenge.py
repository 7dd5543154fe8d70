"""FER-2013 as the challenge's CSV, read with NumPy alone: what an installation without the pipeline can read."""

import csv
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np

from fer.compressed import UNREADABLE, decompressed, one_line
from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE
from fer.inference.media import file_kind
from fer.inference.pixel_text import parse_pixels

#: The challenge's names of the splits, and their images (Goodfellow et al. 2013).
ROWS = {"Training": 28709, "PublicTest": 3589, "PrivateTest": 3589}
#: The column names, as they are compared: in small letters and without spaces.
COLUMNS = ("emotion", "pixels", "usage")
#: What the challenge's CSV is called in archives, of the competition and of its data set on Kaggle.
NAMES = ("fer2013.csv", "icml_face_data.csv")
#: Rows after which the progress is shown again.
STEP = 250


@dataclass(frozen=True)
class PrivateTest:
    """The challenge's test images.

    Attributes:
        faces: uint8 ``[N, 48, 48]``.
        codes: int64 ``[N]``, emotions' codes 0 to 6.
        copies: bool ``[N]``, whether Training holds the same image.
    """

    faces: np.ndarray
    codes: np.ndarray
    copies: np.ndarray


def read_private_test(path: Path, advance: Callable[[int], None]) -> PrivateTest:
    """The test images of a copy of FER-2013's CSV.

    Args:
        path: plain, ``.xz``, ``.gz`` or ``.bz2``; or a zip or tar with one of ``NAMES`` in it, or with one CSV;
            columns in any order.
        advance: called with the number of rows that are read.

    Raises:
        UserError: for a file that is missing, damaged or not the whole of FER-2013, and for the first bad row.
    """
    counts, train, faces, codes = dict.fromkeys(ROWS, 0), set(), bytearray(), []
    number = 0
    try:
        with _text(path) as text:
            for number, (emotion, pixels, usage) in enumerate(_rows(path, text), start=1):
                try:
                    code, face = _code(emotion), parse_pixels(pixels)
                    counts[usage] += 1
                except KeyError:
                    raise UserError(
                        _bad(path, number, f"Usage is {usage[:40]!r}, not one of {', '.join(ROWS)}")
                    ) from None
                except ValueError as error:
                    raise UserError(_bad(path, number, str(error))) from error
                if usage == "Training":
                    train.add(face)
                elif usage == "PrivateTest":
                    faces += face
                    codes.append(code)
                if number % STEP == 0:
                    advance(number)
    except (*UNREADABLE, csv.Error) as error:
        where = f"damaged or cut off after row {number}" if number else "cannot be read"
        raise UserError(f"{path}: {where} ({one_line(error)}); give the challenge's fer2013.csv") from error
    if counts != ROWS:
        found = ", ".join(f"{count:,} {usage}" for usage, count in counts.items())
        raise UserError(f"{path}: not the whole of FER-2013: {found} rows; give the challenge's fer2013.csv")
    images = np.frombuffer(faces, np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE)
    return PrivateTest(images, np.array(codes), np.array([image.tobytes() in train for image in images]))


def _rows(path: Path, text: IO[str]) -> Iterator[tuple[str, str, str]]:
    """The cells emotion, pixels and Usage of every row; an empty line is none."""
    reader = csv.reader(text)
    header = ["".join(name.split()).lower() for name in next(reader, [])]
    if missing := [name for name in COLUMNS if name not in header]:
        raise UserError(f"{path}: no column {missing[0]}; the first line must name emotion, pixels and Usage")
    places = [header.index(name) for name in COLUMNS]
    for number, cells in enumerate((cells for cells in reader if cells), start=1):
        if len(cells) != len(header):
            raise UserError(_bad(path, number, f"{len(cells)} cells, not {len(header)}"))
        emotion, pixels, usage = (cells[place].strip() for place in places)
        yield emotion, pixels, usage


def _code(emotion: str) -> int:
    if emotion not in "0123456" or len(emotion) != 1:
        raise ValueError(f"emotion is {emotion[:40]!r}, not a code from 0 to 6")
    return int(emotion)


def _bad(path: Path, number: int, what: str) -> str:
    return f"{path}: row {number} after the header: {what}; get the file again"


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    """The CSV's text."""
    with _binary(path) as binary, io.TextIOWrapper(binary, "utf-8-sig", "replace", newline="") as text:
        yield text


@contextmanager
def _binary(path: Path) -> Iterator[IO[bytes]]:
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give the challenge's CSV in it, such as {path / NAMES[0]}")
    if path.suffix.lower() == ".zip" or (path.is_file() and zipfile.is_zipfile(path)):
        with zipfile.ZipFile(path) as archive, archive.open(_inside(path, archive.namelist())) as binary:
            yield binary
    elif path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as packed:
            members = {member.name: member for member in packed if member.isfile() or member.islnk()}
            yield cast(IO[bytes], packed.extractfile(members[_inside(path, members)]))  # None of what is no file
    elif kind := file_kind(path):
        raise UserError(f"{path}: is a {kind}; give the challenge's fer2013.csv")
    else:
        with decompressed(path) as binary:
            yield binary


def _inside(path: Path, names: Iterable[str]) -> str:
    """The challenge's CSV in an archive."""
    last = {name: PurePosixPath(name).name.lower() for name in names}
    # "._" begins what macOS adds for every file.
    tables = [name for name, end in last.items() if end.endswith(".csv") and not end.startswith("._")]
    named = [name for name in tables if last[name] in NAMES]
    for found in (named, tables):
        if len(found) == 1:
            return found[0]
    raise UserError(f"{path}: {len(tables)} CSV files inside; unpack it and name the challenge's, {' or '.join(NAMES)}")
