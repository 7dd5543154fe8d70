"""Small data sets written the way that sources read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer.data.kaggle_source import FER2013_HANDLE
from fer.emotions import EMOTIONS
from fer.params import Data

USAGES = ("Training", "PublicTest", "PrivateTest")


def random_faces(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def csv_text(images: np.ndarray, emotions: Sequence[Any], usages: Sequence[str]) -> str:
    rows = [
        f"{emotion},{' '.join(map(str, image.ravel()))},{usage}"
        for image, emotion, usage in zip(images, emotions, usages, strict=True)
    ]
    return "\n".join(["emotion,pixels,Usage", *rows, ""])


def full_csv_text(per_cell: int = 1) -> str:
    """A CSV with ``per_cell`` images of every emotion in every split, emotions running fastest."""
    cells = [(code, usage) for usage in USAGES for _ in range(per_cell) for code in range(7)]
    return csv_text(random_faces(len(cells)), [code for code, _ in cells], [usage for _, usage in cells])


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def write_folders(root: Path, splits: Sequence[str], per_class: int, seed: int = 0) -> None:
    """``<split>/<emotion>/<i>.png`` for each of the splits ("" for none)."""
    faces = iter(random_faces(len(splits) * 7 * per_class, seed))
    for split in splits:
        for emotion in EMOTIONS:
            for i in range(per_class):
                write_image(root / split / emotion / f"{i:02}.png", next(faces))


def data_params(**changes: Any) -> Data:
    defaults = {
        "source": "csv",
        "path": "data/raw",
        "votes": ".",
        "kaggle": FER2013_HANDLE,
        "classes": "all",
        "remove_copies": True,
        "validation_share": 0.2,
        "test_share": 0.2,
        "seed": 3,
        "sample": {"images": 70, "seed": 1},
    }
    return Data.model_validate(defaults | changes)
