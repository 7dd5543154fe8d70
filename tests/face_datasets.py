"""Small FaceDatasets without a flaw, for tests to plant flaws in."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.emotions import EMOTIONS, FERPLUS_OTHER, FERPLUS_VOTES
from fer.inference.resize import to_face


def small_dataset(
    train: int = 8, held_out: int = 4, classes: tuple[str, ...] = EMOTIONS, size: int = 48
) -> FaceDataset:
    """Simple faces, no two alike: ``train`` of every class in train, ``held_out`` in validation and in test."""
    rng = np.random.default_rng(7)
    cells = [
        (emotion, split)
        for split, count in (("train", train), ("validation", held_out), ("test", held_out))
        for emotion in classes
        for _ in range(count)
    ]
    images = np.stack([to_face(_face(rng), size) for _ in cells])
    table = pd.DataFrame(cells, columns=["emotion", "split"])
    table["source_id"] = [f"face-{number:03d}" for number in range(len(cells))]
    table["sha256"] = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    table["train_copy"] = False
    removed = table.iloc[:0].assign(reason="", copy_of="")
    return FaceDataset("small faces", classes, images, table, removed)


def with_images(dataset: FaceDataset, images: dict[int, np.ndarray]) -> FaceDataset:
    """The data set with some images replaced, as if ingest had read them so."""
    pixels, table = dataset.images.copy(), dataset.table.copy()
    for row, image in images.items():
        pixels[row] = image
        table.loc[row, "sha256"] = hashlib.sha256(pixels[row].tobytes()).hexdigest()
    return replace(dataset, images=pixels, table=table)


def with_values(dataset: FaceDataset, column: str, values: dict[int, object]) -> FaceDataset:
    """The data set with some cells of its table replaced."""
    table = dataset.table.copy()
    for row, value in values.items():
        table.loc[row, column] = value
    return replace(dataset, table=table)


def with_votes(dataset: FaceDataset) -> FaceDataset:
    """The data set with FER+'s ten votes an image: four for its label, two for neutral, the others by chance."""
    rng, options = np.random.default_rng(8), {**FERPLUS_VOTES, **dict.fromkeys(FERPLUS_OTHER)}
    votes = rng.multinomial(4, [1 / len(options)] * len(options), len(dataset.table))
    for place, emotion in enumerate(options.values()):
        votes[:, place] += 4 * (dataset.table["emotion"] == emotion) + 2 * (emotion == "neutral")
    table = dataset.table.assign(
        **{f"votes.{name}": votes[:, place].astype(np.uint8) for place, name in enumerate(options)}
    )
    return replace(dataset, table=table)


def without_rows(dataset: FaceDataset, rows: Iterable[int]) -> FaceDataset:
    """The data set without some rows."""
    table = dataset.table.drop(index=list(rows))
    return replace(dataset, images=dataset.images[table.index], table=table.reset_index(drop=True))


def _face(rng: np.random.Generator) -> np.ndarray:
    image = np.full((48, 48), 60, np.uint8)
    x, y = (int(value) for value in rng.integers(-2, 3, 2))
    cv2.ellipse(image, (24 + x, 24 + y), (16, 21), 0, 0, 360, 190, -1)
    for side in (-7, 7):
        cv2.ellipse(image, (24 + x + side, 18 + y), (4, 2), 0, 0, 360, 40, -1)
    cv2.ellipse(image, (24 + x, 34 + y), (7, int(rng.integers(1, 5))), 0, 0, 360, 70, -1)
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
