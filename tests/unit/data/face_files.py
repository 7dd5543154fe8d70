"""Small data sets written the way that sources read them, and read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer.data.folder_source import read_folder
from fer.data.kaggle_source import FER2013_HANDLE
from fer.data.labels import Labels
from fer.data.reading import Reading
from fer.data.source import SourceFaces
from fer.data.split_names import split_setting
from fer.emotions import EMOTIONS
from fer.errors import UserError
from fer.sections import Columns, Data

FACES = iter(np.random.default_rng(3).integers(0, 256, (4000, 12, 12), np.uint8))
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
        "corrections": ".",
        "kaggle": FER2013_HANDLE,
        "classes": "all",
        "remove_copies": True,
        "validation_share": 0.2,
        "test_share": 0.2,
        "seed": 3,
        "sample": {"images": 70, "seed": 1},
    }
    return Data.model_validate(defaults | changes)


def write(root: Path, *paths: str) -> Path:
    for path in paths:
        write_image(root / path, next(FACES))
    return root


def text(root: Path, path: str, *lines: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("\n".join(lines) + "\n")


def read(path: Path, **settings: object) -> SourceFaces:
    return read_folder(path, reading(**settings))


def reading(labels: object = None, splits: dict[str, str] | None = None, **columns: object) -> Reading:
    return Reading(Labels.of(labels), split_setting(splits), Columns(**columns))


def refused(path: Path, how: Callable[..., SourceFaces] = read, **settings: object) -> str:
    with pytest.raises(UserError) as caught:
        how(path, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)
