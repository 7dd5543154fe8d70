"""The tiny training as a job of a plan."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tiny_training import CLASSES, NAME, RECIPE, dataset

from fer.portable.folder import Packed, PackedJob, settings_of
from fer.portable.plan import pack
from fer.portable.train import Split
from fer.recipe import Recipe

NO_CHANGES = {"flip": 0, "shift": 0, "rotate": 0, "scale": 0, "brightness": 0, "contrast": 0, "erase": 0}
#: No random changes of the faces, which make the graph large.
PLAIN = {"augmentation": NO_CHANGES, "mixup": {"alpha": 0.0, "until": 1.0}}
#: One phase of one epoch: seconds.
SHORT = PLAIN | {"pretrained": "none", "epochs": 1}


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


def write_packed(folder: Path, *jobs: PackedJob, weights: Path | None = None) -> Packed:
    """A packed folder of tiny jobs, whose recipes are still those of params.yaml's form."""
    given = [replace(job, recipe=recipe_of(job)) for job in jobs]
    pack(folder, dataset(), given, 0.0, weights, "abc")
    return Packed.load(folder)


def recipe_of(job: PackedJob) -> Recipe:
    """The job's recipe in params.yaml's form, which is what ``pack`` takes."""
    nested = {name: vars(getattr(job.recipe, name)) for name in ("augmentation", "mixup")}
    return Recipe.model_validate(vars(job.recipe) | nested)


def quiet(line: str) -> None:
    """Print nothing."""


def no_weights(folder: Path) -> Path:
    """A folder without pretrained files."""
    folder.mkdir(exist_ok=True)
    return folder
