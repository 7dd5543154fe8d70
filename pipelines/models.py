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


def finished_ablations(params: Params, dataset: FaceDataset) -> dict[str, tuple[str, ModelFolder]]:
    """The trainings that ``ablation_table`` compares: the architecture's own, distilled, and every ablation so far.

    An ablation of another recipe, seed or data set than the present one is left out. There is none without the
    architecture's own training.
    """
    architecture = params.ablations.architecture
    if architecture not in params.train.architectures:
        return {}
    (own,) = open_models(MODELS, [architecture], dataset)
    found = {own.run["title"]: (f"dvc repro train@{architecture}", own)}
    if architecture in params.distill.students:
        (student,) = open_models(DISTILLED, [architecture], dataset)
        found["distilled"] = (f"dvc repro distill@{architecture}", student)
    for name in params.ablations.changes:
        folder, changed = ModelFolder(ABLATIONS / name), params.ablated(name)
        if not folder.onnx.is_file():
            continue
        expected = make_job(changed, dataset, architecture)
        same_data = folder.job.fingerprint == dataset.fingerprint or changed.data != params.data
        if same_data and (folder.job.recipe, folder.job.seed) == (expected.recipe, expected.seed):
            found[name.replace("_", " ")] = (f"python -m pipelines ablate {name}", folder)
    return found
