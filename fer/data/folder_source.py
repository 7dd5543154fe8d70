"""Labelled face images in a folder, a zip or a tar: labels in folders, in tables beside them, or in file names."""

import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from fer.compressed import UNREADABLE, one_line
from fer.data.csv_source import holds_pixels
from fer.data.faces import FaceReader
from fer.data.label_tables import IMAGE_ENDINGS, SUFFIXES, LabelTable, read_tables
from fer.data.labels import IGNORE, is_code, label_key
from fer.data.places import check_parts, first_named, read_places, unwrapped
from fer.data.presets import PRESETS
from fer.data.reading import Reading, settle
from fer.data.source import Loaded, SourceFaces, SourceRows
from fer.data.table_labels import compare, from_tables, joined, settled_splits
from fer.data.tree import File, Files, is_archive, open_files
from fer.errors import UserError

_LAYOUTS = "expected train/<emotion>/*.jpg or <emotion>/*.jpg, or a table with the columns file and label beside them"


def read_folder(path: Path, reading: Reading | None = None) -> SourceFaces:
    """Read a folder, zip or tar of labelled images; ``source_id`` is the file's path inside it, with forward slashes.

    Images of any size and colour become grey and square. Files are taken in the order of their paths. Hidden files and
    those that systems leave (Thumbs.db, __MACOSX) are passed over, so are folders that wrap all images, and files that
    are no images, which are counted. Group columns of a table that names the images join; images that it leaves out
    get "".

    Raises:
        UserError: for a path, layout, label or file that cannot be used, naming it.
    """
    reading = reading or Reading()
    if not path.is_dir() and not path.is_file():
        raise UserError(f"{path}: no such folder, zip or tar; check the path")
    if path.suffix.lower() in (".7z", ".rar"):
        raise UserError(f"{path}: {path.suffix[1:]} archives are not read; unpack it and name the folder")
    if path.is_file() and ".csv" in path.name.lower() and not is_archive(path):
        raise UserError(f"{path}: is a CSV; set data.source: csv")
    with open_files(path) as files:
        return settle(_rows(path, files, reading), reading)


def _rows(path: Path, files: Files, reading: Reading) -> SourceRows:
    """The images as rows, before they are decoded."""
    where = str(path)
    wrapper, below = unwrapped(_images(path, files, reading), reading.labels, reading.splits)
    inside = {_below(file, wrapper): read for file, read in files.items()}
    wanted = [path for path in sorted(below.values()) if not _ignored(path, reading)]
    if not wanted:
        raise UserError(f"{where}: data.splits leaves out all {len(below)} images; keep some", setting="data.splits")
    images, readings = _once(wanted, inside, reading)
    if len(wanted) < len(below):
        readings.append(f"left out {len(below) - len(wanted)} images by data.splits")
    tables = read_tables(where, _with_ending(inside, SUFFIXES), images, reading)
    places = read_places(where, images, reading.labels, reading.splits)
    names = list(map(str, images))
    table = places.table.assign(path=names, source_id=names, box="")
    by_column = reading.columns.split is not None
    table["split"] = settled_splits(where, table, tables, reading.splits, by_column)
    labelled = [it for it in tables if "label" in it.rows]
    preset, label_is, column = places.preset or _preset_of(tables), places.label_is, ""
    used = {it.path for it in tables}
    readings += places.readings
    coded, coded_by, beside = _beside(where, table, inside)
    if beside:
        table, preset, label_is, used = coded, coded_by, "label", used | beside
        readings.append(f"read labels from {len(beside)} files such as {min(beside)}")
        if len(table) < len(images):
            readings.append(f"passed over {len(images) - len(table)} of {len(images)} images, which have no such file")
    # Without a published set's pattern a file's name may be anything, such as the words that were searched for.
    elif labelled and (reading.columns.label is not None or not ((label_is and places.preset) or label_is == "folder")):
        table, told = from_tables(where, table, labelled)
        label_is, column = "label", f": {labelled[0].label_column}"
        readings += told
    elif labelled:
        compare(where, table, labelled)
    elif label_is == "file name" and not places.preset:
        readings.append(f"read labels in file names, such as {table['label'].iloc[0]} in {images[0].name}")
    table = joined(_checked(where, table, label_is), tables)
    if label_is == "folder":
        check_parts(where, table["split"], images, reading)
    groups = table.columns.drop(["label", "split", "path", "source_id", "box"]).astype(str)
    if len(groups):
        readings.append(f"read the group columns {', '.join(groups)}")
    readings += _others(set(inside) - set(images) - used - set(_with_ending(inside, IMAGE_ENDINGS)))
    codes = {key for key in map(label_key, table["label"]) if is_code(key)}
    ids = table["source_id"].tolist()
    return SourceRows(
        path.resolve().name if path.is_dir() else path.name.removesuffix(path.suffix).removesuffix(".tar"),
        where,
        table.drop(columns=["path", "box"]),
        lambda rows: _load(where, table, rows, inside, reading),
        label_is or "folder",
        lambda row: f"{ids[row]}{column}" if column else f"{ids[row]}: {label_is or 'folder'}",
        lambda row: f"{ids[row]}: split",
        preset if preset and codes <= set(PRESETS[preset].labels) else "",
        tuple(readings),
    )


def _preset_of(tables: Sequence[LabelTable]) -> str:
    """The published set whose label files the tables are; anybody may call a table train_labels.csv.

    So where a set names its images in a way of its own, theirs say which set it is (``Places.preset``).
    """
    return next((it.preset for it in tables if it.preset and PRESETS[it.preset].files is None), "")


def _ignored(path: PurePosixPath, reading: Reading) -> bool:
    """Whether a folder of an image is a split that the user leaves out; it need have no label."""
    return any(reading.splits.get(name.strip().casefold()) == IGNORE for name in path.parts[:-1])


def _images(path: Path, files: Files, reading: Reading) -> list[PurePosixPath]:
    images = sorted(_with_ending(files, IMAGE_ENDINGS))
    if not images:
        pixels = holds_pixels(files, reading)
        remedy = "a .csv in it holds pixels: set data.source: csv" if pixels else _LAYOUTS
        raise UserError(f"{path}: no images in it; {remedy}")
    return images


def _with_ending(files: Files, endings: Sequence[str] | set[str]) -> dict[PurePosixPath, File]:
    return {path: file for path, file in files.items() if path.suffix.lower() in endings}


def _below(path: PurePosixPath, wrapper: PurePosixPath) -> PurePosixPath:
    """A path without the folders that wrap all images; one beside them keeps its own."""
    return path.relative_to(wrapper) if path.is_relative_to(wrapper) else path


def _once(images: list[PurePosixPath], files: Files, reading: Reading) -> tuple[list[PurePosixPath], list[str]]:
    """The images without folders that hold the very files of another, and what is said of these.

    Archives of several published data sets hold all images twice: ``train/`` and ``images/train/``.
    """
    trees: dict[PurePosixPath, dict[PurePosixPath, PurePosixPath]] = defaultdict(dict)
    depths: dict[PurePosixPath, int] = {}
    for image in images:
        if image.parent not in depths:
            depths[image.parent] = first_named(image, reading.labels, reading.splits)
        depth = depths[image.parent]
        trees[PurePosixPath(*image.parts[:depth])][PurePosixPath(*image.parts[depth:])] = image
    by_files: dict[frozenset[PurePosixPath], list[PurePosixPath]] = defaultdict(list)
    for root, tree in trees.items():
        by_files[frozenset(tree)].append(root)
    readings, dropped = [], set()
    for alike in by_files.values():
        first, *others = sorted(alike, key=lambda root: (len(root.parts), root))
        for other in others:
            if all(_same(files[trees[first][name]], files[image]) for name, image in trees[other].items()):
                dropped |= set(trees[other].values())
                readings.append(f"read {len(trees[other])} images once: {other} holds the same files again")
    return [image for image in images if image not in dropped], readings


def _same(one: File, other: File) -> bool:
    try:
        return one.size == other.size and one.read() == other.read()
    except UNREADABLE:
        return False


def _beside(where: str, table: pd.DataFrame, files: Files) -> tuple[pd.DataFrame, str, set[PurePosixPath]]:
    """The images that have a file with their code, as CK+ and AffectNet give it; that preset, and those files."""
    for name, it in PRESETS.items():
        ending = it.beside
        codes = {path.name.removesuffix(ending): path for path in files if ending and path.name.endswith(ending)}
        found = [codes.get(PurePosixPath(image).stem) for image in table["path"]] if codes else []
        if any(found):
            kept = table[[path is not None for path in found]].reset_index(drop=True)
            kept["label"] = [_code(where, path, files[path]) for path in found if path]
            return kept, name, set(codes.values())
    return table, "", set()


def _code(where: str, path: PurePosixPath, file: File) -> str:
    """The code in a label file: text, or NumPy's."""
    try:
        data = file.read()
        return str(np.load(io.BytesIO(data), allow_pickle=False)) if path.suffix == ".npy" else data.decode().strip()
    except (*UNREADABLE, ValueError) as error:
        raise UserError(f"{where}: {path}: no label file ({one_line(error)}); mend or remove it") from error


def _checked(where: str, table: pd.DataFrame, label_is: str) -> pd.DataFrame:
    """The table, every image of which must have a label; folders that name none are told as such later on.

    Raises:
        UserError: naming the first image without one.
    """
    if not label_is and all(folders := [PurePosixPath(path).parent.name for path in table["path"]]):
        return table.assign(label=folders)
    bare = np.flatnonzero((table["label"] == "").to_numpy())
    if len(bare) and label_is != "label":
        split = table["split"].iloc[bare[0]]
        other, setting = (
            (f", or leave its split out by data.splits: {{{split}: ignore}}", "data.splits") if split else ("", "")
        )
        what = f"the image lies in no emotion's folder; move or remove it{other}"
        if len(bare) == len(table):
            what, setting = f"neither its folder nor its name says an emotion; {_LAYOUTS}", ""
        raise UserError(f"{where}: {table['source_id'].iloc[bare[0]]}: {what}", setting=setting)
    return table


def _others(paths: set[PurePosixPath]) -> list[str]:
    """What is said of files that are no images."""
    if not paths:
        return []
    some = ", ".join(map(str, sorted(paths)[:3]))
    files = "1 file that is no image" if len(paths) == 1 else f"{len(paths)} files that are no images"
    return [f"passed over {files}: {some}{', ...' if len(paths) > 3 else ''}"]


def _load(where: str, table: pd.DataFrame, rows: np.ndarray, files: Files, reading: Reading) -> Loaded:
    """The faces of some rows."""
    reader = FaceReader(reading.image_size, reading.find_faces)
    images = np.empty((len(rows), reading.image_size, reading.image_size), np.uint8)
    found = np.zeros(len(rows), bool)
    chosen = table.iloc[rows]
    count = 0
    for number, (path, box) in enumerate(zip(chosen["path"], chosen["box"], strict=True)):
        try:
            left, top, right, bottom = map(int, box.split()) if box else (0, 0, 0, 0)
            data = files[PurePosixPath(path)].read()
            face = reader.read(data, (left, top, right, bottom) if box else None)
        except UNREADABLE as error:
            raise UserError(f"{where}: {path}: cannot be read ({one_line(error)}); get the file again") from error
        except UserError as error:
            raise UserError(f"{where}: {path}: {str(error).rpartition('; ')[0]}; replace or remove it") from error
        if face is not None:
            images[count], found[number], count = face, True, count + 1
    sizes = np.array(reader.sides, np.int64).reshape(-1, 2) if len(reader.sides) == count else None
    return Loaded(images[:count], found, tuple(reader.told()), sizes)
