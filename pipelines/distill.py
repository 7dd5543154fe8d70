"""Stage 6: the ensemble's knowledge in one small network."""

from dataclasses import replace

import numpy as np
from prefect import flow
from pydantic import BaseModel

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.params import load_params
from fer.schema import read_as
from fer.training.distillation import soft_targets, teacher_of
from pipelines import environment, paths
from pipelines.flows import task
from pipelines.jobs import make_job
from pipelines.recipes import check_settings


class Teachers(BaseModel):
    """``teachers.json``: the data that the teachers predicted, and who they are."""

    fingerprint: str
    members: str


@flow(flow_run_name="distill {student}")
def distill(student: str) -> None:
    """Train an architecture by its own recipe on targets that are in part the ensemble's predictions."""
    params = load_params()
    dataset = FaceDataset.load(paths.DATASET)
    if student not in params.distill.students:
        raise UserError(f"params.yaml: distill.students: does not name {student!r}; add it")
    check_settings(params, student)
    members, predictions = read_teachers(dataset)
    job = make_job(params, dataset, student)
    job = replace(job, teacher=teacher_of(predictions, members, params.distill.share))
    targets = soft_targets(dataset.labels[dataset.rows("train")], predictions, params.distill.share)
    # Keras takes seconds to start, too long for a mistake to be told.
    with environment.quiet_start():
        from pipelines.train import train_job

    train_job(params, dataset, job, job.name, paths.DISTILLED / student, ["distill", student], targets)


@task
def read_teachers(dataset: FaceDataset) -> tuple[str, np.ndarray]:
    """Who the ensemble's members are, and their mean probabilities float32 ``[N, C]`` of the train split.

    Raises:
        UserError: where the ensemble stage has not run, on this data, or its files are damaged.
    """
    remedy = "run dvc repro ensemble"
    about = read_as(Teachers, paths.TEACHERS, remedy)
    if about.fingerprint != dataset.fingerprint:
        raise UserError(f"{paths.TEACHERS}: of other data than {paths.DATASET}; {remedy}")
    try:
        predictions = np.load(paths.TEACHER_PREDICTIONS)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{paths.TEACHER_PREDICTIONS}: not to be read ({error}); {remedy}") from error
    needed = (len(dataset.rows("train")), len(dataset.classes))
    if predictions.dtype != np.float32 or predictions.shape != needed:
        raise UserError(
            f"{paths.TEACHER_PREDICTIONS}: {predictions.dtype} {predictions.shape}, where float32 {needed} is needed; "
            f"{remedy}"
        )
    return about.members, predictions
