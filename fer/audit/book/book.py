"""All that the book shows, found once: its page and its figures are two views of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer.audit.book.averages import Pair, average_faces, contrasts
from fer.audit.book.copies import ExactCopies, NearPair, exact_across, near_across
from fer.audit.book.embedding_map import EmbeddingMap, embedding_map
from fer.audit.book.galleries import Gallery, galleries
from fer.audit.book.labels import Agreement, Doubt, agreement, doubts
from fer.audit.book.slices import slice_table
from fer.audit.progress import Progress, Steps
from fer.audit.run import Audit
from fer.data.dataset import FaceDataset
from fer.evaluation.robustness_curves import curve_rows, robustness_curves
from fer.sections import Compare

#: Measurements that are drawn by split, with their units.
MEASURES = {
    "brightness": "mean grey value",
    "contrast": "standard deviation of the grey values",
    "sharpness": "share of fine detail",
    "entropy": "bits of the histogram",
    "clipped": "share of black or white pixels",
    "side_light": "left half less right half, grey values",
    "symmetry": "correlation with the mirror image",
    "face_likeness": "correlation with the average face",
}


@dataclass(frozen=True)
class Models:
    """The models of a data set.

    Attributes:
        predictions: of those that are kept, best first: float ``[N, C]`` of the test split, by name.
        files: of those at hand, ONNX files by name.
    """

    predictions: Mapping[str, np.ndarray]
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Book:
    """What the book shows; of what there is none of, an empty list or table, or None.

    Attributes:
        dataset: the faces.
        found: their audit.
        records: folder of what is kept of this data set's audit; may be missing.
        averages: mean train image by class.
        pairs: of classes.
        galleries: of flaws.
        exact: pictures in several splits.
        near: near copies in two splits.
        doubts: the most doubtful labels.
        agreement: of the labels with FER+'s votes.
        best: the model whose intervals are shown; "" without any.
        slices: see :func:`fer.audit.book.slices.slice_table`.
        curves: see :func:`curves_of`.
        map: the embedding in the plane.
    """

    dataset: FaceDataset
    found: Audit
    records: Path
    averages: dict[str, np.ndarray]
    pairs: list[Pair]
    galleries: list[Gallery]
    exact: list[ExactCopies]
    near: list[NearPair]
    doubts: list[Doubt]
    agreement: Agreement | None
    best: str
    slices: pd.DataFrame
    curves: pd.DataFrame
    map: EmbeddingMap


def make_book(
    dataset: FaceDataset, found: Audit, models: Models, records: Path, settings: Compare, seed: int, progress: Progress
) -> Book:
    """Everything that the book shows.

    Args:
        dataset: the faces.
        found: their audit.
        models: of this data set.
        records: folder of what is kept of this data set's audit; may be missing.
        settings: of the bootstrap.
        seed: of the map.
        progress: opens the progress of a step.
    """
    steps = progress("map")
    steps(0, 1)
    placed = embedding_map(dataset, found.embedding, seed)
    steps(1, 1)
    averages = average_faces(dataset)
    return Book(
        dataset=dataset,
        found=found,
        records=records,
        averages=averages,
        pairs=contrasts(dataset, averages),
        galleries=galleries(found.table, records),
        exact=exact_across(dataset),
        near=near_across(dataset, found),
        doubts=doubts(found),
        agreement=agreement(dataset),
        best=next(iter(models.predictions), ""),
        slices=slice_table(dataset, found.table, models.predictions, settings.bootstrap, settings.seed),
        curves=curves_of(dataset, models.files, settings, progress("robustness")),
        map=placed,
    )


def curves_of(dataset: FaceDataset, files: Mapping[str, Path], settings: Compare, steps: Steps) -> pd.DataFrame:
    """Robustness curves of every model on the same test faces.

    Returns:
        The columns of :func:`fer.evaluation.robustness_curves.robustness_curves` behind ``model``; no row without
        models or test faces.
    """
    rows = curve_rows(dataset)
    faces, labels = np.asarray(dataset.images[rows]), dataset.labels[rows]
    tables = []
    for number, (name, file) in enumerate(files.items(), start=1):
        if len(rows):
            curves = robustness_curves(file, faces, labels, settings.bootstrap, settings.seed)
            curves.insert(0, "model", name)
            tables.append(curves)
        steps(number, len(files))
    columns = ["model", "change", "strength", "images", "accuracy", "low", "high"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
