"""From a source to a FaceDataset: read, choose classes, carve splits, clean, and report what was found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer.data.cleaning import REASONS, blank_images, count_copies, image_hashes, train_copies, train_flaws
from fer.data.corrections import apply_corrections, fitting, read_corrections, told
from fer.data.csv_source import holds_pixels, read_csv
from fer.data.dataset import COLUMNS, SPLITS, Corrected, FaceDataset
from fer.data.folder_source import read_folder
from fer.data.kaggle_source import read_kaggle
from fer.data.label_tables import IMAGE_ENDINGS
from fer.data.reading import Reading
from fer.data.reviewed import read_reviewed, with_reviewed
from fer.data.sample import read_sample
from fer.data.source import SourceFaces
from fer.data.splits import carve_splits, carved, shared_subjects
from fer.data.tree import is_archive, open_files
from fer.emotions import EMOTIONS, resolve_classes
from fer.errors import UserError, did_you_mean
from fer.sections import Data

#: How each ``data.source`` is read.
SOURCES: dict[str, Callable[[Data], SourceFaces]] = {
    "sample": lambda data: read_sample(data.sample.images, data.sample.seed, Reading.of(data)),
    "csv": lambda data: read_csv(data.path, None if data.votes.is_dir() else data.votes, Reading.of(data)),
    "folder": lambda data: read_folder(data.path, Reading.of(data)),
    "kaggle": lambda data: read_kaggle(data.kaggle, Reading.of(data)),
}


def check_source(data: Data) -> None:
    """Find the mistakes in section ``data`` that need no reading.

    Raises:
        UserError: for an unknown source, FER+ votes of another source than ``csv``, a path that DVC cannot follow, or a
            mapping to no emotion or no split.
    """
    if data.source not in SOURCES:
        raise UserError(f"params.yaml: data.source: unknown source {data.source!r}{did_you_mean(data.source, SOURCES)}")
    if not data.votes.is_dir() and data.source != "csv":
        raise UserError("params.yaml: data.votes: FER+ votes go with data.source csv only; let data.votes be a folder")
    paths = {"path": data.path, "votes": data.votes, "reviewed": data.reviewed, "corrections": data.corrections}
    for name, path in paths.items():
        if path and path.parts[:1] and path.parts[0].startswith("~"):
            raise UserError(f"params.yaml: data.{name}: DVC follows no ~; write {path.expanduser()}")
    Reading.of(data)


def read_source(data: Data) -> SourceFaces:
    """The images and labels that ``data.source`` names.

    Raises:
        UserError: when the source is unknown, missing or broken.
    """
    check_source(data)
    return SOURCES[data.source](data)


def source_of(path: Path, reading: Reading) -> str:
    """Which ``data.source`` reads a path: ``csv`` where a table in it holds the pixels, else ``folder``.

    Raises:
        UserError: where nothing is there, or an archive is damaged.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; check the path")
    if path.is_file() and not is_archive(path):
        return "folder" if path.suffix.lower() in (".7z", ".rar") else "csv"
    with open_files(path) as files:
        pictures = any(inside.suffix.lower() in IMAGE_ENDINGS for inside in files)
        return "csv" if not pictures and holds_pixels(files, reading) else "folder"


def build_dataset(data: Data) -> tuple[FaceDataset, dict[str, Any]]:
    """Make the FaceDataset that the parameters describe, and the report on the way there.

    Returns:
        The data set, and what was found: ``readings`` (lines on how the source was read), and nested plain numbers:
        ``source`` (as it came: images per split and emotion, copies, blanks,
        conflicting labels), ``other_class`` (images of classes not chosen), ``removed`` and ``kept`` (flawed train
        images by reason, under the heading that ``data.remove_copies`` gives them), ``dataset`` (what came out) and,
        where there are corrections, ``corrections`` (their fingerprint, and how many were applied).

    Raises:
        UserError: when the source is missing or broken, or a class ends without images in a split.
    """
    source = read_source(data)
    emotions_of(source)
    dataset, report = prepare(source, data)
    _check_classes(dataset, source.where)
    return dataset, report


def emotions_of(source: SourceFaces) -> list[str]:
    """The emotions that a source has, in the order of their codes.

    Raises:
        UserError: where it has one alone.
    """
    found = [name for name in EMOTIONS if name in set(source.table["emotion"])]
    if len(found) < 2:
        raise UserError(f"{source.where}: all {len(source.table)} images are {found[0]}; a data set needs two emotions")
    return found


def prepare(source: SourceFaces, data: Data) -> tuple[FaceDataset, dict[str, Any]]:
    """What :func:`build_dataset` makes of a source that was read; a class may be without images in a split.

    Raises:
        UserError: where no image is in train, or too few are to carve from.
    """
    classes = resolve_classes(data.classes)
    table = source.table.assign(sha256=image_hashes(source.images))
    report: dict[str, Any] = {
        "source": count_copies(table, blank_images(source.images)) | {"counts": _counts(table, EMOTIONS)}
    }

    named = data.corrections
    corrections = read_corrections(named) if named and not named.is_dir() else None
    readings = list(source.readings)
    if corrections:
        corrections, absent = fitting(table, corrections)
        readings += absent

    chosen = table["emotion"].isin(classes).to_numpy()
    images, table = _select(source.images, table, chosen)
    readings += shared_subjects(table)
    before = set(table["split"])
    if "train" not in before:
        raise UserError(
            f"{source.where}: no image is in train; say in data.splits which split it is"
            f"{f', such as {{{min(before)}: train}}' if before else ', or choose other data.classes'}",
            setting="data.splits",
        )
    table["split"] = carve_splits(source.where, table, images, data.validation_share, data.test_share, data.seed)
    readings += carved(table, before)
    if corrections:
        # After carving: who is in test must not hang on what was corrected. A reviewed image is corrected by moving it.
        splits = SPLITS if data.correct_evaluation else SPLITS[:1]
        table, stays, counts = apply_corrections(table, corrections, splits)
        readings += told(corrections, counts)
        report["corrections"] = {"fingerprint": corrections.fingerprint} | counts
        images, table = _select(images, table, stays & table["emotion"].isin(classes).to_numpy())
    if reviewed := read_reviewed(data.reviewed, Reading.of(data)):
        images, table = with_reviewed(images, table, reviewed, classes)
        readings.append(f"added {len(reviewed.table)} reviewed images of {data.reviewed} to train")
        readings += [f"{data.reviewed}: {line}" for line in reviewed.readings]
    table["train_copy"] = train_copies(table)
    table = table[[*COLUMNS, *(name for name in table if name not in COLUMNS)]]

    flaws = train_flaws(table, blank_images(images))
    found = {reason: int((flaws["reason"] == reason).sum()) for reason in REASONS}
    none = dict.fromkeys(REASONS, 0)
    out = (flaws["reason"] != "").to_numpy() & data.remove_copies
    removed = table.join(flaws)[out].reset_index(drop=True)
    images, table = _select(images, table, ~out)

    corrected = Corrected(fingerprint=corrections.fingerprint, evaluation=counts["evaluation"]) if corrections else None
    dataset = FaceDataset(data.name or source.name, classes, images, table, removed, corrected)
    report |= {
        "readings": readings,
        "other_class": int((~chosen).sum()),
        "removed": found if data.remove_copies else none,
        "kept": none if data.remove_copies else found,
        "dataset": {"images": len(dataset), "counts": _counts(table, classes)},
    }
    return dataset, report


def _select(images: np.ndarray, table: pd.DataFrame, rows: np.ndarray) -> tuple[np.ndarray, pd.DataFrame]:
    """The chosen rows (bool ``[N]``) of both, renumbered from 0; without a copy of the images where all are chosen."""
    return images if rows.all() else images[rows], table[rows].reset_index(drop=True)


def _counts(table: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Images per split and emotion, zeros included."""
    counted = table.value_counts(["split", "emotion"]).to_dict()
    return {split: {emotion: int(counted.get((split, emotion), 0)) for emotion in classes} for split in SPLITS}


def _check_classes(dataset: FaceDataset, where: str) -> None:
    """Raise where a class has no image in a split."""
    counts = dataset.counts()
    for emotion in dataset.classes:
        empty = [split for split in SPLITS if counts.loc[split, emotion] == 0]
        if empty:
            out = dataset.removed.loc[dataset.removed["emotion"] == emotion, "reason"].value_counts()
            told = ", ".join(f"{reason} {count}" for reason, count in out.items())
            raise UserError(
                f"{where}: no image of {emotion!r} in {', '.join(empty)}{f' ({told} taken out)' if told else ''}; "
                "add some or leave it out of data.classes",
                setting="data.classes",
            )
