"""Where trained models are, and what each depends on."""

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import open_models
from fer.evaluation.model_folder import ModelFolder
from fer.job import Job
from fer.params import Params
from pipelines import paths


def make_job(params: Params, dataset: FaceDataset, architecture: str) -> Job:
    """What the training of an architecture depends on."""
    return Job(architecture, dataset.classes, dataset.fingerprint, params.recipe(architecture), params.train.seed)


def all_models(params: Params, dataset: FaceDataset) -> list[ModelFolder]:
    """Every architecture's folder, then every student's.

    Raises:
        UserError: where one is missing or was trained on other data.
    """
    return open_models(paths.MODELS, params.train.architectures, dataset) + open_models(
        paths.DISTILLED, params.distill.students, dataset
    )
