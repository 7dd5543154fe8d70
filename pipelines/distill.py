"""Stage 6: the ensemble's knowledge in one small network."""

from dataclasses import replace

import numpy as np
from prefect import flow

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.files import read_json
from fer.params import load_params
from fer.training.distillation import soft_targets, teacher_of
from pipelines import paths
from pipelines.flows import task
from pipelines.models import make_job
from pipelines.recipes import check_settings
from pipelines.train import train_job


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
    train_job(params, dataset, job, job.name, paths.DISTILLED / student, ["distill", student], targets)


@task
def read_teachers(dataset: FaceDataset) -> tuple[str, np.ndarray]:
    """Who the ensemble's members are, and their mean probabilities float32 ``[N, C]`` of the train split.

    Raises:
        UserError: where the ensemble stage has not run, on this data.
    """
    remedy = "run dvc repro ensemble"
    about = read_json(paths.TEACHERS, remedy)
    try:
        predictions = np.load(paths.TEACHER_PREDICTIONS)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{paths.TEACHER_PREDICTIONS}: not to be read ({error}); {remedy}") from error
    if about["fingerprint"] != dataset.fingerprint:
        raise UserError(f"{paths.TEACHERS}: of other data than {paths.DATASET}; {remedy}")
    return about["members"], predictions
