"""Trainings that differ from an architecture's own in one thing. No stage: they are repeated by hand, one at a time."""

from dataclasses import replace

from prefect import flow

from fer.data.dataset import FaceDataset
from fer.data.ingest import build_dataset
from fer.errors import UserError
from fer.inference.classifier import Classifier
from fer.job import Teacher
from fer.params import load_params
from pipelines import environment, paths
from pipelines.jobs import make_job


@flow(flow_run_name="ablate {name} {architecture}")
def ablate(name: str, architecture: str) -> None:
    """Train an architecture with one change of ``ablations.changes`` in params.yaml.

    Raises:
        UserError: for an unknown change or architecture, a change that changes nothing, or a teacher that cannot
            teach on this data.
    """
    params = load_params()
    params.recipe(architecture, "architectures")
    changed = params.ablated(name, architecture)
    dataset = FaceDataset.load(paths.DATASET) if changed.data == params.data else build_dataset(changed.data)[0]
    job, share, teacher = make_job(changed, dataset, architecture), params.distill.share, None
    where, taught_by = f"params.yaml: ablations.changes.{name}", params.ablations.changes[name].teacher
    if taught_by:
        teacher = load_teacher(taught_by, dataset, f"{where}.teacher")
        job = replace(job, teacher=Teacher(share, _told(teacher), teacher.card.model_sha256))
    if changed.data == params.data and job == make_job(params, dataset, architecture):
        raise UserError(f"{where}: changes nothing of {architecture}'s recipe {params.train.recipe!r}")
    # Keras takes seconds to start, too long to wait for a mistake's message.
    with environment.quiet_start():
        from fer.training.distillation import PatientTeacher
        from pipelines.train import train_job

    patient = PatientTeacher(teacher.predict, share) if teacher else None
    command, folder = ["ablate", name, architecture], paths.ABLATIONS / architecture / name
    train_job(changed, dataset, job, f"{architecture}_{name}", folder, command, teacher=patient)


def load_teacher(model: str, dataset: FaceDataset, where: str) -> Classifier:
    """A teacher of every view, which computes on one thread beside the training.

    Args:
        model: its folder, or its name in the package.
        dataset: of the student.
        where: the setting that names it, for messages.

    Raises:
        UserError: where there is no such model, or it was trained on other data: it may know evaluation images.
    """
    try:
        teacher = Classifier(model, threads=1)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    if teacher.card.fingerprint != dataset.fingerprint:
        raise UserError(
            f"{where}: {model} was trained on {teacher.card.dataset} ({teacher.card.fingerprint}), not on "
            f"{dataset.name} ({dataset.fingerprint}), and may have seen its evaluation images; name another model"
        )
    return teacher


def _told(teacher: Classifier) -> str:
    """What tables say of a teacher, as ``fer.training.distillation.teacher_of`` does of an ensemble."""
    card = teacher.card
    return f"{card.architecture} ({card.arithmetic}, {card.network_sha256[:12]}), of every view"
