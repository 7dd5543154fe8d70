"""What the page shows of the data: the reports of ingest and of the checks, read by a schema."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import BaseModel

from fer.checks.report import CheckReport
from fer.data.dataset import FaceDataset
from fer.data.statistics import class_counts
from fer.errors import UserError
from fer.schema import read_as

AGAIN = "run dvc repro"
Counts = dict[str, dict[str, int]]


class Source(BaseModel):
    """The data as they came.

    Attributes:
        images: how many.
        unique_images: how many pictures.
        blank: images of one grey.
        conflicting_groups: groups of equal images with different labels.
        surplus_copies: by split, images beyond the first of every picture.
        train_copy: by split, images that train holds too.
        counts: images by split and class.
    """

    images: int
    unique_images: int
    blank: int
    conflicting_groups: int
    surplus_copies: dict[str, int]
    train_copy: dict[str, int]
    counts: Counts


class Prepared(BaseModel):
    """The data set as it is used: images by split and class."""

    counts: Counts


class IngestReport(BaseModel):
    """``reports/ingest.json``; ``removed`` counts what was taken out of train, by reason."""

    source: Source
    removed: dict[str, int]
    dataset: Prepared


@dataclass(frozen=True)
class DataFiles:
    """Where the first stages left what the page shows."""

    ingest: Path
    checks: Path
    class_counts: Path
    figures: tuple[Path, ...]


def read_reports(files: DataFiles, dataset: FaceDataset) -> tuple[IngestReport, CheckReport]:
    """The reports of ingest and of the checks.

    Raises:
        UserError: where one of them, or a figure, is missing, damaged or of other data.
    """
    ingested, checked = read_as(IngestReport, files.ingest, AGAIN), read_as(CheckReport, files.checks, AGAIN)
    for figure in files.figures:
        if not figure.is_file():
            raise UserError(f"{figure}: missing; {AGAIN} first")
    for path, same in (
        (files.ingest, ingested.dataset.counts == dataset.counts().T.to_dict()),
        (files.checks, checked.fingerprint == dataset.fingerprint),
        (files.class_counts, _drawn(files.class_counts) == class_counts(dataset)["images"].tolist()),
    ):
        if not same:
            raise UserError(f"{path}: of other data than {dataset.name} {dataset.fingerprint}; {AGAIN}")
    return ingested, checked


def _drawn(path: Path) -> list[int]:
    """The numbers of images that the figures of the data were drawn from."""
    try:
        return [int(count) for count in pd.read_csv(path)["images"]]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not to be read ({' '.join(str(error).split())}); {AGAIN}") from error
