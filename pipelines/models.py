"""Where trained models stand, and what each depends on."""

from pathlib import Path

from fer.comparison import open_models
from fer.data.dataset import FaceDataset
from fer.job import Job
from fer.outputs import ModelFolder
from fer.params import Params

MODELS = Path("models")
#: Networks trained again on the ensemble's answers: not below MODELS, all of which the ensemble depends on.
DISTILLED = Path("distilled")
#: Trainings with a change of ``ablations.changes``.
ABLATIONS = Path("reports/ablations")
#: Trainings by seeds of their own: ``<architecture>_<recipe>_<seed>``.
REPEATS = Path("reports/repeats")


def make_job(params: Params, dataset: FaceDataset, architecture: str) -> Job:
    """What the training of an architecture depends on."""
    return Job(architecture, dataset.classes, dataset.fingerprint, params.recipe(architecture), params.train.seed)


def all_models(params: Params, dataset: FaceDataset) -> list[ModelFolder]:
    """Every architecture's folder, then every student's.

    Raises:
        UserError: where one is missing or was trained on other data.
    """
    return open_models(MODELS, params.train.architectures, dataset) + open_models(
        DISTILLED, params.distill.students, dataset
    )
