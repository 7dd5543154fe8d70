"""Results of another machine, checked against this project's data and made a trained network again."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.calibration import best_temperature
from fer.job import Job, Teacher
from fer.models.common.registry import get_architecture
from fer.portable.bundle import unpack_job
from fer.portable.folder import PackedJob
from fer.portable.pieces import RESULTS, read_job
from fer.portable.train import Finished
from fer.recipe import Recipe
from fer.training.beginning import build
from fer.training.epoch import predict
from fer.training.fit import Trained
from fer.training.precision import FULL
from fer.training.state import RANDOM

#: Share of the validation images on which the network must predict the class that it predicted there. Half precision
#: moves the closest calls alone.
AGREEMENT = 0.97


def adopted_jobs(
    folder: Path, results: dict[str, Any], dataset: FaceDataset, say: Callable[[str], None]
) -> list[tuple[PackedJob, Finished]]:
    """The finished jobs of a folder of results whose weights came back; a line tells of every other.

    Raises:
        UserError: where the results are of other data, or a piece is missing or damaged.
    """
    if results.get("fingerprint") != dataset.fingerprint:
        raise UserError(
            f"{folder / RESULTS}: trained on {results.get('dataset')} {results.get('fingerprint')}, not on the present "
            f"{dataset.name} {dataset.fingerprint}; adopt where that data is, or pack and train again"
        )
    found = []
    for packed in map(PackedJob.of, results["plan"]):
        told = results["jobs"].get(packed.name, {"status": "not begun"})
        if told["status"] != "finished":
            say(f"adopt: {packed.name}: {told['status']}{': ' * ('reason' in told)}{told.get('reason', '')}")
            continue
        finished = unpack_job(read_job(folder, results, packed.name), f"{folder}: {packed.name}")
        if finished.weights:
            found.append((packed, finished))
        else:
            say(
                f"adopt: {packed.name}: its weights did not come back; validation accuracy "
                f"{told['validation.accuracy']:.3f} there"
            )
    return found


def job_of(packed: PackedJob, finished: Finished, results: dict[str, Any], dataset: FaceDataset) -> Job:
    """What was trained, with the epochs that its schedule had.

    Raises:
        UserError: where its recipe is none of this code's.
    """
    progress = finished.progress
    head = packed.recipe.head_epochs if progress.weights != RANDOM else 0
    plain = next(job["recipe"] for job in results["plan"] if job["name"] == packed.name)
    try:
        recipe = Recipe.model_validate(plain | {"epochs": progress.total - head})
    except ValidationError as error:
        raise UserError(
            f"{packed.name}: a recipe of other code ({error.errors()[0]['msg'].lower()}); pack again"
        ) from error
    teacher = _teacher_of(packed, results) if packed.teachers else None
    return Job(packed.architecture, dataset.classes, dataset.fingerprint, recipe, packed.seed, teacher)


def _teacher_of(packed: PackedJob, results: dict[str, Any]) -> Teacher:
    """Whose answers to every view it learned from; the digest is that of their results."""
    told = {name: results["jobs"][name] for name in packed.teachers}
    digests = [one["sha256"] for one in told.values()]
    members = ", ".join(f"{name} {1 / len(told):.2f} ({one['weights']})" for name, one in told.items())
    return Teacher(packed.share, f"{members}, of every view", hashlib.sha256(" ".join(digests).encode()).hexdigest())


def restored(packed: PackedJob, finished: Finished, dataset: FaceDataset) -> Trained:
    """The network in float32, calibrated on the validation split as ``fer.training.fit`` does.

    Raises:
        UserError: where the weights are of another network, or predict something else here than there.
    """
    architecture = get_architecture(packed.architecture)
    source = next((file for file in architecture.pretrained if file.name == finished.progress.weights), None)
    rows = dataset.rows("validation")
    faces, labels = np.asarray(dataset.images[rows]), dataset.labels[rows]
    try:
        measured = build(packed, architecture, source, FULL, dataset.face_size)
        measured.set_weights(finished.weights)
    except ValueError as error:
        raise UserError(
            f"{packed.name}: weights of another network than {packed.architecture}'s; pack again"
        ) from error
    probabilities = predict(measured, faces)
    same = float((probabilities.argmax(axis=1) == finished.validation.argmax(axis=1)).mean())
    if same < AGREEMENT:
        raise UserError(
            f"{packed.name}: predicts on {100 * same:.1f} % of the validation images what it predicted there; "
            "its code differs from this, or its weights are damaged"
        )
    temperature = best_temperature(labels, probabilities)
    final = build(packed, architecture, source, FULL, dataset.face_size, temperature)
    final.set_weights(finished.weights)
    weights = source.label if source else RANDOM
    return Trained(final, weights, finished.preprocessing, temperature, finished.progress)
