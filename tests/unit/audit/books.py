"""Books of small data sets, for tests that look at what they show."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from face_datasets import with_images

from fer.audit.book.book import Book, Models, make_book
from fer.audit.progress import silent
from fer.audit.run import audit
from fer.data.dataset import FaceDataset
from fer.emotions import FERPLUS_OTHER, FERPLUS_VOTES
from fer.params import load_params

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml")


def book_of(
    dataset: FaceDataset,
    records: Path,
    predictions: Mapping[str, np.ndarray] | None = None,
    files: Mapping[str, Path] | None = None,
) -> Book:
    settings = PARAMS.compare.model_copy(update={"bootstrap": 50})
    found = audit(dataset, seed=0)
    models = Models(predictions or {}, files or {})
    return make_book(dataset, found, models, records, settings, 0, lambda _name: silent)


def with_leaks(dataset: FaceDataset) -> FaceDataset:
    """The first test image is mirrored in train, and the second one stands there as it is."""
    train, test = dataset.rows("train"), dataset.rows("test")
    return with_images(
        dataset, {int(train[0]): dataset.images[test[0]][:, ::-1].copy(), int(train[1]): dataset.images[test[1]].copy()}
    )


def with_votes(dataset: FaceDataset) -> FaceDataset:
    """Ten votes for every label, but for the first image's and the first test image's, which all call neutral."""
    table = dataset.table.copy()
    for name in (*FERPLUS_VOTES, *FERPLUS_OTHER):
        table[f"votes.{name}"] = np.where(table["emotion"] == FERPLUS_VOTES.get(name), 10, 0)
    votes = table.columns[table.columns.str.startswith("votes.")]
    for row in (0, int(dataset.rows("test")[0])):
        table.loc[row, votes] = 0
        table.loc[row, "votes.neutral"] = 10
    return replace(dataset, table=table)
