"""A CSV with pixels, such as the challenge's ``emotion,pixels,Usage``: alone, compressed or in an archive."""

import csv
import io
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import pandas as pd

from fer.compressed import UNREADABLE, decompressed, one_line
from fer.data.columns import IMAGE, Roles, find_roles, plain, separator_of
from fer.data.labels import shown
from fer.data.reading import Reading, settle
from fer.data.source import Loaded, SourceFaces, SourceRows
from fer.data.split_names import usual_split
from fer.data.tree import File, Files, is_archive, open_files
from fer.data.votes import read_votes
from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE
from fer.inference.media import file_kind
from fer.inference.pixel_text import parse_pixels
from fer.inference.resize import to_face

#: Rows per split of the challenge's own file; a CSV with just these counts is called FER-2013.
OFFICIAL_ROWS = {"train": 28709, "validation": 3589, "test": 3589}

PIXELS = FACE_SIZE * FACE_SIZE
#: Sides that a row's pixels may have.
_SIDES = range(16, 1025)
#: Characters of a line that are looked at before the rest is read.
_LONGEST_LINE = 2**23


def read_csv(path: Path, votes: Path | None = None, reading: Reading | None = None) -> SourceFaces:
    """Read a CSV with a row of grey values per image; ``source_id`` is ``row <n>``, counted from 1 after the header.

    Args:
        path: plain, ``.xz``, ``.gz`` or ``.bz2``; or a zip, tar or folder with it inside. Columns in any order, by
            their usual names or those of ``data.csv``. Without a column of splits all rows are train; where a zip holds
            one file for each split, the files' names are the splits.
        votes: FER+ vote table of the same rows, in the same order; its columns become ``votes.<column>`` (uint8).
        reading: how to read it.

    Raises:
        UserError: for a file that is missing, empty or damaged, and for the first row that breaks the format.
    """
    reading = reading or Reading()
    if path.is_dir() or (path.is_file() and is_archive(path)):
        with open_files(path) as files:
            return settle(_archived(path, files, votes, reading), reading)
    rows = _Rows(reading)
    with _open_text(path) as text:
        rows.read(str(path), text)
    return settle(rows.source(path.name.split(".")[0], str(path), votes), reading)


def holds_pixels(files: Files, reading: Reading) -> bool:
    """Whether there is a CSV with pixels among the files of a folder or archive."""
    return any(_has_pixels(path, file, reading) for path, file in files.items() if path.suffix.lower() == ".csv")


@dataclass
class _Rows:
    """Rows of one or several CSVs, as they are read."""

    reading: Reading
    pixels: bytearray = field(default_factory=bytearray)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    groups: list[dict[str, str]] = field(default_factory=list)
    columns: tuple[str, str] = ("emotion", "Usage")
    readings: list[str] = field(default_factory=list)
    resized: str = ""

    def read(self, where: str, text: IO[str], file: str = "", split: str = "") -> None:
        """Add the rows of a CSV; ``file`` stands before their numbers, ``split`` where no column has one.

        Raises:
            UserError: for the first row that breaks the format.
        """
        before = len(self.labels)
        try:
            self._read(where, text, file, split)
        except UNREADABLE as error:
            done = len(self.labels) - before
            raise UserError(f"{where}: damaged or cut off after row {done} ({error}); get the file again") from error
        except csv.Error as error:
            number = len(self.labels) - before + 1
            raise UserError(
                f"{where}: row {number} after the header is no CSV row ({error}); mend or remove the row"
            ) from error
        if len(self.labels) == before:
            raise UserError(f"{where}: no rows after the header; give a file with images")

    def _read(self, where: str, text: IO[str], file: str, split: str) -> None:
        header, cells_of_rows = _table(text)
        roles = _checked(where, header, find_roles(where, header, self.reading.columns))
        names = [header[place] for place in roles.groups]
        used = {roles.label, roles.split, *roles.pixels, *roles.groups}
        others = [name for place, name in enumerate(header) if name and place not in used]
        if others:
            self.readings.append(f"passed over the columns {', '.join(others)} (data.csv names others)")
        self.columns = header[roles.label], header[roles.split] if roles.split >= 0 else "split"
        count, size = 0, self.reading.image_size
        for number, cells in enumerate(cells_of_rows, start=1):
            if len(cells) != len(header):
                fault = f"{len(cells)} cells, not {len(header)}"
                raise UserError(f"{where}: row {number} after the header: {fault}; mend or remove the row")
            words = cells[roles.pixels[0]] if len(roles.pixels) == 1 else " ".join(cells[p] for p in roles.pixels)
            count = count or _square(words)
            try:
                values = parse_pixels(words, count)
            except ValueError as error:
                raise UserError(f"{where}: row {number} after the header: {error}; mend or remove the row") from error
            self.pixels += values if count == size * size else self._resize(values, size)
            self.labels.append(cells[roles.label])
            self.splits.append(cells[roles.split] if roles.split >= 0 else split)
            self.ids.append(f"{file} row {number}".lstrip())
            self.groups.append({name: cells[place].strip() for name, place in zip(names, roles.groups, strict=True)})

    def _resize(self, values: bytes, size: int) -> bytes:
        side = math.isqrt(len(values))
        self.resized = f"resized to {size}x{size} pixels (data.image_size) from {side}x{side}"
        return to_face(np.frombuffer(values, np.uint8).reshape(side, side), size).tobytes()

    def source(self, name: str, where: str, votes: Path | None) -> SourceRows:
        """What was read."""
        table = pd.DataFrame({"label": self.labels, "split": self.splits, "source_id": self.ids})
        if any(self.groups):
            table = table.join(pd.DataFrame(self.groups, dtype=str).fillna(""))
        if votes is not None:
            table = table.join(read_votes(votes, table["split"]))
        official = table["split"].map(usual_split).value_counts().to_dict() == OFFICIAL_ROWS
        size = self.reading.image_size
        images = np.frombuffer(self.pixels, np.uint8).reshape(-1, size, size)
        label, split = self.columns
        return SourceRows(
            "FER-2013" if official else name,
            where,
            table,
            lambda rows: Loaded(images if len(rows) == len(images) else images[rows], np.ones(len(rows), bool)),
            "label",
            lambda row: f"{_row_of(self.ids[row])}: {label}",
            lambda row: f"{_row_of(self.ids[row])}: {split}",
            preset="fer2013",
            readings=(*self.readings, *([self.resized] if self.resized else [])),
        )


def _row_of(source_id: str) -> str:
    """``row 3`` as a message calls it, the file before it where there are several."""
    file, _, number = source_id.rpartition("row ")
    return f"{file.strip()}{': ' if file else ''}row {number} after the header"


def _square(words: str) -> int:
    """Pixels of every row, by the first: a square number, else the challenge's."""
    count = len(words.split())
    side = math.isqrt(count)
    return count if side * side == count and side in _SIDES else PIXELS


def _checked(where: str, header: list[str], roles: Roles) -> Roles:
    """The roles, of which label and pixels must be there.

    Raises:
        UserError: naming the one that is missing.
    """
    missing = "emotion" if roles.label < 0 else "pixels" if not roles.pixels else ""
    if not missing:
        return roles
    if missing == "pixels" and any(plain(name) in IMAGE for name in header):
        folder = Path(where).parent
        raise UserError(
            f"{where}: no column 'pixels' in the header; if it names image files, give the folder of both, {folder}, "
            "which data.source: folder reads"
        )
    found = shown(",".join(header))
    text = "" if "\ufffd" not in found else " (and the text is not UTF-8)"
    raise UserError(
        f"{where}: no column {missing!r} in the header {found}{text}; the first line must name emotion, pixels and, "
        "for splits, Usage; name other columns in data.csv",
        setting="data.csv",
    )


def _table(text: IO[str]) -> tuple[list[str], Iterator[list[str]]]:
    """The header and the rows with anything in them."""
    first = text.readline(_LONGEST_LINE)
    while first and not first.strip():
        first = text.readline(_LONGEST_LINE)
    if "\0" in first:
        raise csv.Error("it is no text in UTF-8; save it as CSV in UTF-8")
    second = text.readline(_LONGEST_LINE)
    delimiter = separator_of(first)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    return header, _cells(itertools.chain([second], text), delimiter, len(second))


def _cells(lines: Iterator[str], delimiter: str, line: int) -> Iterator[list[str]]:
    usual = csv.field_size_limit()
    # A quote that nobody closes must not take in the whole file; a row of 224x224 pixels has 200,000 characters.
    csv.field_size_limit(max(usual, 2 * line))
    try:
        for cells in csv.reader(lines, delimiter=delimiter):
            if any(cell.strip(" \t,;") for cell in cells):
                yield cells
    finally:
        csv.field_size_limit(usual)


@contextmanager
def _open_text(path: Path) -> Iterator[IO[str]]:
    """The CSV's text; bytes that are not UTF-8 become U+FFFD, so that the row they stand in is named."""
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: cannot be read (no regular file); name a file")
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty; get it again")
        if path.suffix.lower() in (".7z", ".rar"):
            raise UserError(f"{path}: {path.suffix[1:]} archives are not read; unpack it and name the CSV")
        if kind := file_kind(path):
            raise UserError(f"{path}: is a {kind}, not a CSV; pictures are read from a folder or an archive")
        with decompressed(path) as binary, _text(binary) as text:
            yield text
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read ({one_line(error)}); check the path or get the file again") from error


def _text(binary: IO[bytes]) -> io.TextIOWrapper:
    return io.TextIOWrapper(binary, "utf-8-sig", "replace", newline="")


def _header(file: File) -> list[str]:
    """The first line of a CSV in an archive; nothing where it cannot be read."""
    try:
        with file.open() as binary, _text(binary) as text:
            return _table(text)[0]
    except (*UNREADABLE, csv.Error):
        return []


def _has_pixels(path: PurePosixPath, file: File, reading: Reading) -> bool:
    return bool(find_roles(str(path), _header(file), reading.columns).pixels)


def _archived(path: Path, files: Files, votes: Path | None, reading: Reading) -> SourceRows:
    """The rows of the CSVs of a folder or an archive that hold them."""
    tables = sorted(inside for inside in files if inside.suffix.lower() == ".csv")
    chosen, readings = _choose(path, {inside: _header(files[inside]) for inside in tables}, reading)
    rows = _Rows(reading, readings=readings)
    for inside in chosen:
        try:
            with files[inside].open() as binary, _text(binary) as text:
                several = len(chosen) > 1
                rows.read(str(path), text, str(inside) if several else "", inside.stem if several else "")
        except UNREADABLE as error:
            raise UserError(f"{path}: {inside}: cannot be read ({one_line(error)}); get the file again") from error
    return rows.source(path.name.split(".")[0], str(path), votes)


def _choose(
    path: Path, headers: dict[PurePosixPath, list[str]], reading: Reading
) -> tuple[list[PurePosixPath], list[str]]:
    """The CSVs that hold the data set, and what is said of the choice.

    One that has labels, pixels and splits holds it whole; else the one with labels and pixels, or one for each split.
    """
    roles = {inside: find_roles(f"{path}: {inside}", header, reading.columns) for inside, header in headers.items()}
    labelled = [inside for inside, role in roles.items() if role.pixels and role.label >= 0]
    whole = [inside for inside in labelled if roles[inside].split >= 0]
    chosen = whole if len(whole) == 1 else labelled
    if not chosen:
        found = ", ".join(str(inside) for inside in headers) or "none"
        raise UserError(
            f"{path}: one .csv with the columns emotion and pixels expected inside, found {found}; name the columns in "
            "data.csv; images are read by data.source: folder",
            setting="data.csv",
        )
    if len(chosen) > 1 and (whole or not all(usual_split(inside.stem) for inside in chosen)):
        names = ", ".join(str(inside) for inside in chosen)
        raise UserError(f"{path}: several .csv with labels and pixels: {names}; unpack it and give one of them")
    others = [str(inside) for inside in headers if inside not in chosen]
    if not others and len(chosen) == 1:
        return chosen, []
    passed = f"; passed over {', '.join(others)}" if others else ""
    return chosen, [f"read {', '.join(str(inside) for inside in chosen)}{passed}"]
