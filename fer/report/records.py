"""What is kept of a model for good: the facts, answers and figures of its training, without the network.

A page of results grows over weeks and machines; the networks stay in the DVC cache of the machine that trained them.
With a model's answers every figure can be computed again.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, FiniteFloat, ValidationError

from fer.data.dataset import FaceDataset
from fer.delivery.gates import SCORE
from fer.errors import UserError
from fer.evaluation.model_folder import AGAIN, PLAIN, TEN_VIEWS, ModelFolder, split_metrics
from fer.files import replace_folder, restore_folder
from fer.job import Teacher

PREDICTIONS, HISTORY, ABOUT = "predictions.parquet", "history.csv", "mlflow.json"
#: What a damaged or foreign file can raise while it is read.
DAMAGE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, UserError, ValueError)


class Run(BaseModel):
    """What is shown of a ``run.json``, beside what makes the job."""

    title: str
    weights: str
    precision: str
    model_sha256: str
    seed: int
    epochs: int
    best_epoch: int
    software: dict[str, str]
    temperature: FiniteFloat | None = None
    teacher: Teacher | None = None


class Size(BaseModel):
    """What is shown of a ``metrics.json``, beside what the answers give."""

    params: int


class About(BaseModel):
    """What is shown of an ``mlflow.json``."""

    commit: str = ""
    minutes: FiniteFloat = 0.0
    cores: str | None = None
    accelerator: str = ""


def keep(folder: ModelFolder, target: Path) -> None:
    """Copy a model's files, except the network's own, into ``target``, in place of what is kept there.

    The answers are the same numbers, packed to 60 % of the bytes: Git is to hold them. Where and how it was trained is
    kept on where ``folder`` no longer tells it, as when DVC brought the model here.
    """
    kept = ModelFolder(target)
    same = (target / "run.json").is_file() and kept.run["model_sha256"] == folder.run["model_sha256"]
    sources = [folder, kept] if same else [folder]
    histories = [source.path / HISTORY for source in sources if (source.path / HISTORY).is_file()]
    abouts = [source.path / ABOUT for source in sources if source.about]
    answers = folder.predictions
    numbers = answers.select_dtypes("float32").columns
    with replace_folder(target) as fresh:
        answers.to_parquet(
            fresh / PREDICTIONS,
            index=False,
            compression="zstd",
            use_dictionary=answers.columns.difference(numbers).tolist(),
            column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        )
        for path in (folder.path / "run.json", folder.path / "metrics.json", *histories[:1], *abouts[:1]):
            shutil.copyfile(path, fresh / path.name)


def kept_models(
    records: Path, dataset: FaceDataset, name_of: Callable[[ModelFolder], str] = lambda folder: folder.name
) -> list[ModelFolder]:
    """The models kept in ``records``, best validation macro-F1 first.

    Args:
        records: holds a folder a model.
        dataset: what all must have been trained on.
        name_of: gives the name that a model's folder must have.

    Raises:
        UserError: where one was trained on other data than ``dataset``, is damaged or contradicts itself.
    """
    folders = trained_below(records)
    for folder in folders:
        remedy = remedy_of(folder)
        check(folder, remedy)
        if folder.path.name != (name := name_of(folder)):
            raise UserError(f"{folder.path}: is a record of {name}; give the folder that name, or remove it")
        if folder.job.fingerprint != dataset.fingerprint:
            raise UserError(
                f"{folder.path}: kept of a training on other data ({folder.run['fingerprint']}) than the present "
                f"{dataset.name} ({dataset.fingerprint}); give these a name of their own: data.name in params.yaml"
            )
        check_images(folder, dataset, remedy)
    return best_first(folders)


def remedy_of(folder: ModelFolder) -> str:
    """How to mend a damaged record."""
    return f"git checkout -- {folder.path}, or remove it"


def check(folder: ModelFolder, remedy: str) -> None:
    """That a training's files are whole and its figures those of its answers.

    Raises:
        UserError: where they are not, with ``remedy`` at its end.
    """
    try:
        answers, classes, about = folder.predictions, folder.job.classes, folder.about
        for columns in (PLAIN, TEN_VIEWS):
            given = answers[[f"{columns}{name}" for name in classes]].to_numpy()
            if not ((given >= 0).all() and np.allclose(given.sum(axis=1), 1, atol=1e-3)):
                raise UserError(f"{PREDICTIONS}: no probabilities")
        answered = answers[[f"{PLAIN}{name}" for name in classes]].set_axis(classes, axis=1).idxmax(axis=1)
        if not (answers["predicted"] == answered).all() or answers["source_id"].hasnans:
            raise UserError(f"{PREDICTIONS}: predicted is not the likeliest class, or a source_id is missing")
        if (folder.path / HISTORY).is_file() and len(folder.history) != folder.run["epochs"]:
            raise UserError(f"{HISTORY}: not a row for every epoch")
        figures = split_metrics(answers, classes)
        if not np.allclose([folder.metrics[name] for name in figures], list(figures.values()), atol=1e-6):
            raise UserError(f"metrics.json: not the figures of {PREDICTIONS}")
        for file, kind, facts in (
            ("run.json", Run, folder.run),
            ("metrics.json", Size, folder.metrics),
            (ABOUT, About, about),
        ):
            _check_facts(file, kind, facts)
    except DAMAGE as error:
        cause = " ".join(str(error).split()).removesuffix(f"; {AGAIN}")
        raise UserError(f"{folder.path}: damaged ({cause}); {remedy}") from error


def _check_facts(file: str, kind: type[BaseModel], facts: dict[str, Any]) -> None:
    try:
        kind.model_validate_json(json.dumps(facts), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{file}: {where}: {first['msg'].lower()}, got {first['input']!r:.60}") from error


def check_images(folder: ModelFolder, dataset: FaceDataset, remedy: str) -> None:
    """That a training answers ``dataset``'s images of validation and test, in their order.

    Raises:
        UserError: where it does not, with ``remedy`` at its end.
    """
    rows = np.concatenate([dataset.rows(split) for split in ("validation", "test")])
    said = ["split", "emotion", "train_copy"]
    expected = dataset.table.loc[rows, said].reset_index(names="row")
    if not folder.predictions.reindex(columns=["row", *said]).equals(expected):
        raise UserError(f"{folder.path / PREDICTIONS}: not the answers to {dataset.name}'s images; {remedy}")


def trained_below(path: Path) -> list[ModelFolder]:
    """The trainings that stand in ``path``, a folder each, by name."""
    for old in path.glob(".*.old"):
        restore_folder(path / old.name.removeprefix(".").removesuffix(".old"))
    # A name that begins with a dot is that of a folder on its way into place.
    found = (folder for folder in path.glob("[!.]*") if folder.is_dir() and any(folder.iterdir()))
    return [ModelFolder(folder) for folder in sorted(found)]


def best_first(folders: list[ModelFolder]) -> list[ModelFolder]:
    """By validation macro-F1, and by name where that is equal."""
    return sorted(folders, key=lambda folder: (-folder.metrics[SCORE], folder.name))
