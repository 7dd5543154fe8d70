"""The tiny training as a job of a plan."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tiny_training import CLASSES, NAME, RECIPE, dataset

from fer.portable.folder import PackedJob, settings_of
from fer.portable.train import Split

NO_CHANGES = {"flip": 0, "shift": 0, "rotate": 0, "scale": 0, "brightness": 0, "contrast": 0, "erase": 0}


def tiny_job(name: str = "one", seed: int = 3, job: dict[str, Any] | None = None, **changes: Any) -> PackedJob:
    """A job with some settings of its recipe, or of its own, changed."""
    recipe = settings_of(RECIPE.model_dump() | changes)
    return PackedJob(name, NAME, CLASSES, seed, recipe, f"models/{name}", "code", **(job or {}))


@cache
def splits() -> tuple[Split, Split]:
    """The train split, and the validation split."""
    data = dataset()
    rows = [data.rows(split) for split in ("train", "validation")]
    train, validation = ((np.asarray(data.images[some]), data.labels[some]) for some in rows)
    return train, validation


def quiet(line: str) -> None:
    """Print nothing."""


def no_weights(folder: Path) -> Path:
    """A folder without pretrained files."""
    folder.mkdir(exist_ok=True)
    return folder
