"""The folder that travels: faces, labels, pretrained files and jobs, each file with its digest."""

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from fer.errors import UserError
from fer.portable.lossless import decompress

PACK, FACES, LABELS = "pack.json", "faces.bin", "labels.npz"
#: Folders of pretrained files, and of trained networks that come along as teachers.
WEIGHTS, TRAINED = "weights", "trained"
FORMAT = 1
#: What comes back of a job's weights: kernels in half or full precision, or predictions alone.
KEPT = ("float16", "float32", "predictions")


@dataclass(frozen=True)
class PackedJob:
    """One training of a plan.

    Attributes:
        name: unlike any other in the plan; what teachers are called by.
        architecture: a file of ``fer/models``.
        classes: emotion names in code order.
        seed: of every random choice.
        recipe: the settings of ``fer.recipe.Recipe``, checked when they were packed.
        home: the folder of the project that the trained model goes to.
        code: digest of the code that packed it, by which another machine knows that it has the same.
        minutes: that the job may take, compiling included, by a measurement before its first epoch; None for all that
            are left.
        least: epochs below which it is not worth beginning.
        like: the job before it whose number of epochs it has.
        keep: one of ``KEPT``.
        weights: its pretrained file, below ``WEIGHTS``; None where it begins from random weights.
        trained: its file below ``TRAINED``, where it was trained before and comes along as a teacher.
        teachers: names of jobs before this one, of which the mean teaches it.
        share: of the teachers' answer in a target.
    """

    name: str
    architecture: str
    classes: tuple[str, ...]
    seed: int
    recipe: Any
    home: str
    code: str
    minutes: float | None = None
    least: int = 1
    like: str | None = None
    keep: str = "float16"
    weights: str | None = None
    trained: str | None = None
    teachers: tuple[str, ...] = ()
    share: float = 0.0

    @classmethod
    def of(cls, content: dict[str, Any]) -> "PackedJob":
        """A job of ``pack.json``."""
        known = {field.name: content[field.name] for field in fields(cls) if field.name in content}
        lists = {name: tuple(known.get(name, ())) for name in ("classes", "teachers")}
        return cls(**known | lists | {"recipe": settings_of(known["recipe"])})


@dataclass(frozen=True)
class Packed:
    """The folder, opened; every file that is there is whole.

    Attributes:
        path: of the folder.
        dataset: name of the data set.
        fingerprint: of the data set.
        commit: of the code that packed, or ``unknown``.
        counts: images of every split.
        reserve: minutes that are left for writing.
        jobs: in the order of their priority.
        plan: the jobs as ``pack.json`` has them.
        digest: of ``pack.json``, and so of all files.
    """

    path: Path
    dataset: str
    fingerprint: str
    commit: str
    counts: dict[str, int]
    reserve: float
    jobs: tuple[PackedJob, ...]
    plan: list[dict[str, Any]]
    digest: str

    @classmethod
    def load(cls, path: Path) -> "Packed":
        """Open a packed folder. Networks may be missing: the jobs that need them say so.

        Raises:
            UserError: where it is none, or a file of it is damaged.
        """
        try:
            text = (path / PACK).read_bytes()
            about = json.loads(text)
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']}, not {FORMAT}")
            for name, known in about["files"].items():
                check_file(path / name, known["bytes"], known["sha256"], missing=name.startswith((WEIGHTS, TRAINED)))
            own = {name: about[name] for name in ("dataset", "fingerprint", "commit", "counts", "reserve")}
            jobs = tuple(PackedJob.of(job) for job in about["jobs"])
            return cls(path, jobs=jobs, plan=about["jobs"], digest=hashlib.sha256(text).hexdigest(), **own)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path / PACK}: not a packed folder's ({error}); run python -m pipelines pack") from error

    def splits(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Faces uint8 ``[N, S, S]`` and labels int64 ``[N]`` of the train split, then of the validation split."""
        faces = decompress((self.path / FACES).read_bytes())
        with np.load(self.path / LABELS) as arrays:
            train, validation = (arrays[split].astype(np.int64) for split in ("train", "validation"))
        return (faces[: len(train)], train), (faces[len(train) :], validation)


def check_file(path: Path, size: int, digest: str, missing: bool = False) -> None:
    """That a file has arrived as it was sent.

    Raises:
        UserError: where it is damaged, or missing and that is not allowed.
    """
    if not path.is_file():
        if missing:
            return
        raise UserError(f"{path}: missing; copy the folder once more")
    content = path.read_bytes()
    if len(content) != size or hashlib.sha256(content).hexdigest() != digest:
        raise UserError(f"{path}: damaged ({len(content)} bytes, {size} were sent); copy it once more")


def describe_file(path: Path) -> dict[str, Any]:
    """Size and digest of a file, as ``check_file`` takes them."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def settings_of(content: Any) -> Any:
    """Nested mappings as objects with attributes, as a recipe is read."""
    if isinstance(content, dict):
        return SimpleNamespace(**{name: settings_of(value) for name, value in content.items()})
    return content
