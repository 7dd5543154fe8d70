"""Where trained architectures stand, and what each depends on: shared by train, compare and promote."""

from pathlib import Path

from fer.data.dataset import FaceDataset
from fer.params import Params
from fer.training.job import Job

MODELS = Path("models")


def make_job(params: Params, dataset: FaceDataset, architecture: str) -> Job:
    """What the training depends on."""
    return Job(architecture, dataset.classes, dataset.fingerprint, params.recipe(architecture), params.train.seed)
