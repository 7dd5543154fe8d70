"""Tables beside images: labels, splits, boxes and groups by the images' file names."""

import io
import re
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

import pandas as pd

from fer.compressed import UNREADABLE, one_line
from fer.data.columns import BOX, IMAGE, LABEL, SPLIT, check_own, group_columns, place_of, plain, separator_of
from fer.data.presets import PRESETS, Preset
from fer.data.reading import Reading
from fer.data.split_names import usual_split
from fer.data.tree import File
from fer.emotions import FERPLUS_OTHER, FERPLUS_VOTES, emotion_name
from fer.errors import UserError
from fer.sections import Columns

#: The table of further columns (age band, region, camera) that may lie beside the folders; every column is a group.
GROUPS = "groups.csv"
#: Bytes of a table: AffectNet's, with its landmarks, has 160 MB. The first of these hold its header.
MOST_TABLE, _START = 2**30, 2**16
#: Endings of files that may be tables.
SUFFIXES = (".csv", ".tsv", ".txt", ".lst")


@dataclass(frozen=True)
class LabelTable:
    """A table that names images.

    Attributes:
        path: of its file.
        rows: one row per image of it, indexed by the image's path: of ``label``, ``split``, ``face`` and ``BOX`` those
            that it has, and group columns; an image that has several faces has several rows.
        lost: how many of its rows name no image.
        label_column: what its column of labels is called; "" where it has none.
        preset: key of the published data set whose label file it is, or "".
    """

    path: PurePosixPath
    rows: pd.DataFrame
    lost: int
    label_column: str
    preset: str


def read_tables(
    where: str, tables: Mapping[PurePosixPath, File], images: Sequence[PurePosixPath], reading: Reading
) -> list[LabelTable]:
    """The tables that name images; text files that do not are no tables.

    Raises:
        UserError: for a ``groups.csv`` that does not fit, and a table of which a name fits several images.
    """
    index = _Index(images)
    found = []
    for path, file in sorted(tables.items()):
        if path.name == GROUPS:
            found.append(_read_groups(where, path, file, index))
        elif table := _read_table(where, path, file, index, reading):
            found.append(table)
    return found


class _Index:
    """Images by their names."""

    def __init__(self, images: Sequence[PurePosixPath]) -> None:
        self.images = set(images)
        self._by_name: dict[str, list[PurePosixPath]] = defaultdict(list)
        for image in images:
            stem = image.stem.lower()
            plain_stem = stem.removesuffix("_aligned")
            for name in {image.name.lower(), stem, plain_stem, plain_stem + image.suffix.lower()}:
                self._by_name[name].append(image)

    def find(self, name: str, beside: PurePosixPath) -> list[PurePosixPath]:
        """The images that a table's cell may mean: by its path, else by as much of its end as fits."""
        path = PurePosixPath(name.strip().replace("\\", "/").lstrip("/"))
        for whole in (beside.parent / path, path):
            if whole in self.images:
                return [whole]
        if not path.name:
            return []
        found = self._by_name.get(path.name.lower(), []) or self._by_name.get(path.stem.lower(), [])
        for depth in range(2, len(path.parts) + 1):
            closer = [image for image in found if image.parts[-depth:-1] == path.parts[-depth:-1]]
            if not closer:
                break
            found = closer
        if len(found) > 1:  # RAF-DB brings every photo with its aligned face
            found = [image for image in found if image.stem.lower().endswith("_aligned")] or found
        return found


def _read_groups(where: str, path: PurePosixPath, file: File, index: _Index) -> LabelTable:
    """``groups.csv``: a column ``file``, which must fit, and group columns."""
    try:
        data = file.read()
    except UNREADABLE as error:
        raise UserError(f"{where}: {path}: cannot be read ({one_line(error)}); get the file again") from error
    separator = separator_of(data.decode("utf-8", "replace").partition("\n")[0])
    try:
        groups = _frame(io.BytesIO(data), separator)
    except ValueError as error:
        raise UserError(f"{where}: {path}: cannot be read ({one_line(error)}); write it as CSV in UTF-8") from error
    if "file" not in groups:
        raise UserError(f"{where}: {path}: no column 'file'; name each image's path in it")
    check_own(f"{where}: {path}", groups.columns.astype(str).tolist())
    images: dict[PurePosixPath, None] = {}
    for number, name in enumerate(groups["file"], start=1):
        found = index.find(name, path)
        place = f"{where}: {path}: row {number} after the header: {name!r}"
        if len(found) != 1:
            fault = f"fits {len(found)} images" if found else "names no image"
            raise UserError(f"{place} {fault}; correct the path")
        if found[0] in images:
            raise UserError(f"{place} is listed twice; keep one row")
        images[found[0]] = None
    rows = _stripped(groups.drop(columns="file")).set_index(pd.Index([str(image) for image in images]))
    return LabelTable(path, rows, 0, "", "")


def _stripped(groups: pd.DataFrame) -> pd.DataFrame:
    """Group columns without the white space around their cells, which would make two persons of one."""
    return groups.apply(lambda column: column.str.strip())


def _read_table(where: str, path: PurePosixPath, file: File, index: _Index, reading: Reading) -> LabelTable | None:
    """Any other table; None where it names no image."""
    frame, preset = _parsed(where, path, file, reading)
    if frame is None:
        return None
    place = f"{where}: {path}"
    image = _image_column(place, frame, path, index, reading)
    if image is None:
        return None
    header = frame.columns.astype(str).tolist()
    label = place_of(place, "label", header, reading.columns.label, LABEL)
    split = place_of(place, "split", header, reading.columns.split, SPLIT)
    rows = pd.DataFrame(index=frame.index)
    if label >= 0:
        rows["label"] = frame.iloc[:, label]
    elif len(votes := [name for name in header if emotion_name(name)]) > 2:
        preset = "ferplus" if set(FERPLUS_VOTES) <= set(header) else preset
        rows["label"] = _majority(frame[[*votes, *(name for name in header if name in FERPLUS_OTHER)]])
    if split >= 0:
        rows["split"] = frame.iloc[:, split]
    if preset == "expw":
        rows[["face", *BOX]] = frame[["face", *BOX]]
    used = {header[p] for p in (label, split) if p >= 0} | {image, *rows}
    groups = [name for name in group_columns(place, header, reading.columns) if name not in used]
    rows[groups] = _stripped(frame[groups])
    column = header[label] if label >= 0 else "label" if "label" in rows else ""
    return _matched(where, path, frame[image], rows, index, column, preset)


def _matched(
    where: str, path: PurePosixPath, names: pd.Series, rows: pd.DataFrame, index: _Index, column: str, preset: str
) -> LabelTable:
    """The rows by the images that they name."""
    split = usual_split(path.stem.split("_")[0].split("-")[0])
    images: list[PurePosixPath] = []
    numbers: list[int] = []
    for number, name in enumerate(names, start=1):
        found = index.find(name, path)
        wanted = usual_split(rows["split"].iloc[number - 1]) if "split" in rows else split
        if len(found) > 1 and wanted:
            found = [it for it in found if any(usual_split(part) == wanted for part in it.parts[:-1])] or found
        if len(found) > 1:
            raise UserError(
                f"{where}: {path}: row {number} after the header: {name!r} may be {found[0]} or {found[1]}; write the "
                "path from the root"
            )
        images += found
        numbers += [number] * len(found)
    kept = rows.iloc[[number - 1 for number in numbers]]
    kept.index = pd.Index([str(image) for image in images], dtype=str)
    return LabelTable(path, kept, len(rows) - len(kept), column, preset)


def _names_files(start: str, columns: Columns) -> bool:
    """Whether a text begins as a table that has a column of file names: others need not be read to their end."""
    first = next((line for line in start.splitlines() if line.strip()), "")
    names = re.split(r"[,;\t]|\s+", first)
    chosen = (columns.image or "").casefold()
    return _headless(first) or any(plain(name) in IMAGE or (chosen and chosen in name.casefold()) for name in names)


def _parsed(where: str, path: PurePosixPath, file: File, reading: Reading) -> tuple[pd.DataFrame | None, str]:
    """A text file as a table of text with a header, and the published set whose label file it is."""
    try:
        start = file.start(_START).decode("utf-8-sig", "replace")
    except UNREADABLE:  # a pipe, a link to nothing: no table, until somebody names it
        return None, ""
    if not _names_files(start, reading.columns):
        return None, ""
    try:
        text = file.read(MOST_TABLE).decode("utf-8-sig", "replace")
    except UNREADABLE as error:
        raise UserError(f"{where}: {path}: cannot be read ({one_line(error)}); mend or remove it") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    preset, it = _preset(path, reading.labels.preset)
    columns = list(it.columns) if it and _headless(first) else None
    separator = separator_of(first) if any(mark in first for mark in ",;\t") else r"\s+"
    header = None if _headless(first) else 0
    try:
        frame = _frame(io.StringIO(text), separator, header)
    except ValueError:
        return None, ""
    if columns is None and header is None:
        usual = {2: ["file", "label"], 12: ["file", "box", *_VOTES]}
        columns = usual.get(frame.shape[1])
    if columns is not None:
        if len(columns) != frame.shape[1]:
            return None, ""
        frame.columns = pd.Index(columns)
    elif header is None:
        return None, ""
    else:
        frame.columns = frame.columns.str.strip()
    return frame, preset


def _frame(text: IO[bytes] | IO[str], separator: str, header: int | None = 0) -> pd.DataFrame:
    """A table of text, without the cells beyond the header's, such as those after a comma at the end of every row."""
    with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):
        return pd.read_csv(
            text,
            sep=separator,
            header=header,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            engine="python" if len(separator) > 1 else "c",
            index_col=False,
        )


_VOTES = (*("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"), *FERPLUS_OTHER)


def _preset(path: PurePosixPath, wanted: str) -> tuple[str, Preset | None]:
    for name, preset in PRESETS.items():
        if path.name.lower() in preset.lists or (name == wanted and preset.columns):
            return name, preset
    return "", None


def _headless(first: str) -> bool:
    """Whether a table's first line is a row already: it begins with the name of an image file."""
    word = first.replace(",", " ").replace(";", " ").split()[:1]
    return bool(word) and PurePosixPath(word[0].strip('"')).suffix.lower() in IMAGE_ENDINGS


IMAGE_ENDINGS = {
    *(".bmp", ".gif", ".jpeg", ".jpe", ".jpg", ".jfif", ".png", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif"),
    *(".pgm", ".ppm", ".pbm", ".pnm"),
}


def _image_column(place: str, frame: pd.DataFrame, path: PurePosixPath, index: _Index, reading: Reading) -> str | None:
    """The column that names images; None where none does."""
    header = frame.columns.astype(str).tolist()
    if reading.columns.image is not None:
        return header[place_of(place, "image", header, reading.columns.image, IMAGE)]
    for usual in IMAGE:
        for column in [name for name in header if plain(name) == usual]:
            if frame[column].head(1000).map(lambda name: bool(index.find(name, path))).any():
                return column
    return None


def _majority(frame: pd.DataFrame) -> pd.Series:
    """The option with the most votes, as FER+ counts them (Barsoum et al. 2016); a tie is ``unknown``."""
    votes = frame.apply(pd.to_numeric, errors="coerce").fillna(0)
    most = votes.idxmax(axis=1)
    tie = votes.eq(votes.max(axis=1), axis=0).sum(axis=1) > 1
    return most.mask(tie, "unknown").replace("NF", "no face")
