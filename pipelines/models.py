"""Where trained models are."""

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import open_models
from fer.evaluation.model_folder import ModelFolder
from fer.params import Params
from pipelines import paths


def all_models(params: Params, dataset: FaceDataset) -> list[ModelFolder]:
    """Every architecture's folder, then every student's.

    Raises:
        UserError: where one is missing or was trained on other data.
    """
    return open_models(paths.MODELS, params.train.architectures, dataset) + open_models(
        paths.DISTILLED, params.distill.students, dataset
    )
