"""The challenge's CSV: ``emotion,pixels,Usage``, plain or compressed, read line by line."""

import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from fer.data.source import SourceFaces
from fer.emotions import EMOTIONS, FERPLUS_OTHER, FERPLUS_VOTES
from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE

#: The challenge's names of the splits (Goodfellow et al. 2013): the public leaderboard is the validation split.
USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}

#: Rows per split of the challenge's own file; a CSV with just these counts is called FER-2013.
OFFICIAL_ROWS = {"train": 28709, "validation": 3589, "test": 3589}

PIXELS = FACE_SIZE * FACE_SIZE

_EMOTION_CODES = {str(code): emotion for code, emotion in enumerate(EMOTIONS)}
_PIXEL_VALUES = {str(value): value for value in range(256)}
_COLUMNS = ("emotion", "pixels", "Usage")


def read_csv(path: Path, votes: Path | None = None) -> SourceFaces:
    """Read a CSV of the challenge's layout; ``source_id`` is ``row <n>``, counted from 1 after the header.

    Args:
        path: plain, ``.xz``, ``.gz`` or ``.zip`` (one ``.csv`` inside). Columns in any order; further ones are ignored.
        votes: FER+ vote table of the same rows, in the same order; its columns become ``votes.<column>`` (uint8).

    Raises:
        UserError: for a file that is missing, empty or damaged, and for the first row that breaks the format.
    """
    pixels = bytearray()
    emotions: list[str] = []
    splits: list[str] = []
    with _open_text(path) as lines:
        try:
            for number, (emotion, text, usage) in enumerate(_rows(path, lines), start=1):
                try:
                    emotions.append(_lookup(_EMOTION_CODES, emotion, "emotion", "a code from 0 to 6"))
                    splits.append(_lookup(USAGES, usage, "Usage", "one of " + ", ".join(USAGES)))
                    pixels += parse_pixels(text)
                except ValueError as error:
                    raise UserError(
                        f"{path}: row {number} after the header: {error}; mend or remove the row"
                    ) from error
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path}: damaged or cut off after row {len(emotions)} ({error}); get the file again"
            ) from error
        except csv.Error as error:
            raise UserError(
                f"{path}: row {len(emotions) + 1} after the header is no CSV row ({error}); mend or remove the row"
            ) from error
    if not emotions:
        raise UserError(f"{path}: no rows after the header; give a file with images")
    table = pd.DataFrame({"emotion": emotions, "split": splits})
    table["source_id"] = [f"row {number}" for number in range(1, len(table) + 1)]
    if votes is not None:
        table = table.join(read_votes(votes, table["split"]))
    official = table["split"].value_counts().to_dict() == OFFICIAL_ROWS
    images = np.frombuffer(pixels, np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE)
    return SourceFaces("FER-2013" if official else path.name.split(".")[0], str(path), images, table)


def parse_pixels(text: str) -> bytes:
    """The 2,304 grey values of a ``pixels`` cell: numbers 0 to 255 without leading zeros, between white space.

    Raises:
        ValueError: naming the first bad pixel, or the number of pixels.
    """
    words = text.split()
    try:
        values = bytes(map(_PIXEL_VALUES.__getitem__, words))
    except KeyError as error:
        word = error.args[0]
        raise ValueError(
            f"pixel {words.index(word) + 1} is {_shown(word)}, not a whole number from 0 to 255"
        ) from error
    if len(values) != PIXELS:
        raise ValueError(f"{len(values):,} pixels, not {PIXELS:,} ({FACE_SIZE}x{FACE_SIZE})")
    return values


def read_votes(path: Path, splits: pd.Series) -> pd.DataFrame:
    """FER+'s votes (Barsoum et al. 2016) as uint8 columns ``votes.<column>``, joined by row order.

    The table's ``Image name`` is no key: it skips rows. Its ``Usage`` column is compared with ``splits`` instead.

    Raises:
        UserError: for a missing column, another number of rows, another order, or a vote that is no number.
    """
    columns = [*FERPLUS_VOTES, *FERPLUS_OTHER]
    try:
        votes = pd.read_csv(path, dtype=str, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: FER+ votes cannot be read ({_one_line(error)}); check data.votes") from error
    missing = [column for column in ("Usage", *columns) if column not in votes]
    if missing:
        raise UserError(f"{path}: FER+ votes lack the column {missing[0]!r}; give the published fer2013new.csv")
    if len(votes) != len(splits):
        raise UserError(
            f"{path}: {len(votes):,} rows of FER+ votes for {len(splits):,} images; "
            "both files must hold the same rows in the same order"
        )
    disagree = np.flatnonzero(votes["Usage"].map(USAGES).to_numpy() != splits.to_numpy())
    if len(disagree):
        raise UserError(
            f"{path}: row {disagree[0] + 1} after the header: Usage {votes['Usage'].iloc[disagree[0]]!r} differs from "
            "the image's; both files must hold the same rows in the same order"
        )
    for column in columns:
        bad = np.flatnonzero(~votes[column].isin(_PIXEL_VALUES).to_numpy())
        if len(bad):
            raise UserError(
                f"{path}: row {bad[0] + 1} after the header: {column} is {votes[column].iloc[bad[0]]!r}, "
                "not a number of votes; mend the row"
            )
    return votes[columns].astype(np.uint8).add_prefix("votes.")


@contextmanager
def _open_text(path: Path) -> Iterator[IO[str]]:
    """The CSV's text; bytes that are not UTF-8 become U+FFFD, so that the row they stand in is named."""
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty; get it again")
        with _open_binary(path) as binary, io.TextIOWrapper(binary, "utf-8-sig", "replace", newline="") as text:
            yield text
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise UserError(
            f"{path}: cannot be read ({_one_line(error)}); check data.path or get the file again"
        ) from error


def _open_binary(path: Path) -> IO[bytes]:
    """The decompressed bytes of the CSV."""
    match path.suffix.lower():
        case ".xz":
            return lzma.open(path)
        case ".gz":
            return io.BufferedReader(gzip.open(path))
        case ".zip":
            with zipfile.ZipFile(path) as archive:  # an entry opened in it stays readable
                names = [name for name in archive.namelist() if name.endswith(".csv") and "__MACOSX" not in name]
                if len(names) != 1:
                    found = ", ".join(names) or "none"
                    raise UserError(f"{path}: one .csv file expected inside, found {found}; unpack it and name the CSV")
                return archive.open(names[0])
        case _:
            return path.open("rb")


def _rows(path: Path, lines: IO[str]) -> Iterator[tuple[str, str, str]]:
    """The cells emotion, pixels and Usage of every row; an empty line is no row."""
    reader = csv.reader(lines)
    header = [name.strip() for name in next(reader, [])]
    places = [header.index(name) if name in header else -1 for name in _COLUMNS]
    if -1 in places:
        found = _shown(",".join(header))
        text = "" if "\ufffd" not in found else " (and the text is not UTF-8)"
        raise UserError(
            f"{path}: no column {_COLUMNS[places.index(-1)]!r} in the header {found}{text}; "
            f"the first line must name {', '.join(_COLUMNS)}"
        )
    emotion, pixels, usage = places
    for number, cells in enumerate((cells for cells in reader if cells), start=1):
        if len(cells) != len(header):
            raise UserError(
                f"{path}: row {number} after the header: {len(cells)} cells, not {len(header)}; mend or remove the row"
            )
        yield cells[emotion], cells[pixels], cells[usage]


def _lookup(known: dict[str, str], cell: str, column: str, expected: str) -> str:
    value = known.get(cell.strip())
    if value is None:
        raise ValueError(f"{column} is {_shown(cell)}, not {expected}")
    return value


def _shown(cell: str) -> str:
    """A cell as a message shows it: quoted, on one line, cut to 40 characters."""
    return repr(cell if len(cell) <= 40 else cell[:40] + "...")


def _one_line(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
