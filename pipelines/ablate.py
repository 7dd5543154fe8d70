"""Trainings that differ from an architecture's own in one change. No stage: they are repeated by hand."""

from dataclasses import replace

import numpy as np
from prefect import flow

from fer.data.dataset import FaceDataset
from fer.data.ingest import build_dataset
from fer.errors import UserError
from fer.evaluation.votes import confused_labels, labels_given_votes, votes_as_teacher
from fer.inference.classifier import Classifier
from fer.job import Teacher
from fer.params import load_params
from fer.sections import Change
from fer.training.distillation import soft_targets
from pipelines import environment, paths
from pipelines.jobs import make_job


@flow(flow_run_name="ablate {name} {architecture}")
def ablate(name: str, architecture: str) -> None:
    """Train an architecture with one change of ``ablations.changes`` in params.yaml.

    Raises:
        UserError: for an unknown change or architecture, a change that changes nothing, a teacher that is not there,
            knows other data or has no share, or votes of data that have none.
    """
    params = load_params()
    params.recipe(architecture, "architectures")
    changed, where = params.ablated(name, architecture), f"params.yaml: ablations.changes.{name}"
    change = params.ablations.changes[name]
    teacher = load_teacher(change.teacher, f"{where}.teacher")
    if teacher and not params.distill.share:
        raise UserError(f"{where}.teacher: teaches nothing, as distill.share is 0; raise it")
    dataset = FaceDataset.load(paths.DATASET) if changed.data == params.data else build_dataset(changed.data)[0]
    job = make_job(changed, dataset, architecture)
    if teacher:
        check_teacher(teacher, dataset, f"{where}.teacher")
        job = replace(job, teacher=facts_of(teacher, params.distill.share))
    targets = None
    if change.votes:
        job = replace(job, teacher=votes_as_teacher(dataset, change.votes, change.votes_by))
        targets = vote_targets(dataset, change, f"{where}.votes")
    if changed.data == params.data and job == make_job(params, dataset, architecture):
        raise UserError(f"{where}: changes nothing of {architecture}'s recipe {params.train.recipe!r}")
    # Keras takes seconds to start, too long to wait for a mistake's message.
    with environment.quiet_start():
        from fer.training.teaching import ConsistentTeacher
        from pipelines.train import train_job

    consistent = ConsistentTeacher(teacher.predict, job.teacher.share) if teacher and job.teacher else None
    command, folder = ["ablate", name, architecture], paths.ABLATIONS / architecture / name
    train_job(changed, dataset, job, f"{architecture}_{name}", folder, command, targets, teacher=consistent)


def vote_targets(dataset: FaceDataset, change: Change, where: str) -> np.ndarray:
    """Targets float32 ``[N, C]`` of the train split that are in part what FER+'s votes say, for the rest the labels.

    Raises:
        UserError: where the data set has no votes; it begins with ``where``.
    """
    train = dataset.rows("train")
    labels = dataset.labels[train]
    try:
        if change.votes_by == "class":
            predictions = confused_labels(dataset)[labels]
        else:
            predictions = labels_given_votes(dataset)[train]
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return soft_targets(labels, predictions, change.votes)


def load_teacher(model: str | None, where: str) -> Classifier | None:
    """A teacher of every view, whose calls take one thread each beside the training; None of None.

    Args:
        model: its folder, or its name in the package.
        where: the setting that names it, for messages.

    Raises:
        UserError: where there is no such model.
    """
    try:
        return Classifier(model, threads=1) if model else None
    except (UserError, OSError) as error:
        raise UserError(f"{where}: {error}") from error


def check_teacher(teacher: Classifier, dataset: FaceDataset, where: str) -> None:
    """That it was trained on the same data: another one may know evaluation images.

    Raises:
        UserError: where it was not.
    """
    card = teacher.card
    if card.fingerprint != dataset.fingerprint:
        raise UserError(
            f"{where}: trained on {card.dataset} ({card.fingerprint}), not on {dataset.name} ({dataset.fingerprint}), "
            "and may have seen its evaluation images; name another model"
        )


def facts_of(teacher: Classifier, share: float) -> Teacher:
    """Who taught: the architecture, its arithmetic and the network's sha256."""
    card = teacher.card
    members = f"{card.architecture} ({card.arithmetic}, {card.network_sha256[:12]}), of every view"
    return Teacher(share, members, card.model_sha256)
