"""Stage 6: the ensemble's knowledge in one small network."""

from dataclasses import replace

import numpy as np
from prefect import flow

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.params import load_params
from fer.results import read_json
from fer.training.distillation import soft_targets, teacher_of
from pipelines import ensemble
from pipelines.ingest import DATASET
from pipelines.models import DISTILLED, make_job
from pipelines.train import run


@flow(flow_run_name="distill {student}")
def distill(student: str) -> None:
    """Train an architecture by its own recipe on targets that are in part the ensemble's answers.

    Raises:
        UserError: where the ensemble was built on other data.
    """
    params = load_params()
    dataset = FaceDataset.load(DATASET)
    summary, answers = read_json(ensemble.SUMMARY), np.load(ensemble.LESSON)
    if summary["fingerprint"] != dataset.fingerprint:
        raise UserError(f"{ensemble.SUMMARY}: of other data than {DATASET}; run dvc repro ensemble")
    job = make_job(params, dataset, student)
    job = replace(job, teacher=teacher_of(answers, summary["weights"], params.distill.share))
    targets = soft_targets(dataset.labels[dataset.rows("train")], answers, params.distill.share)
    run(params, dataset, job, DISTILLED / student, ["distill", student], targets)
