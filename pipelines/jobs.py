"""What each training depends on, the model that it goes on from included."""

from pathlib import Path

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.job import Job, Start
from fer.params import Params
from pipelines.recipes import digest_of_start


def make_job(params: Params, dataset: FaceDataset, architecture: str) -> Job:
    """What the training of an architecture depends on.

    Raises:
        UserError: where ``train.start_from`` names no model that it can go on from.
    """
    recipe, start = params.recipe(architecture), start_of(params.train.start, architecture, dataset.classes)
    return Job(architecture, dataset.classes, dataset.fingerprint, recipe, params.train.seed, start=start)


def start_of(path: Path | None, architecture: str, classes: tuple[str, ...]) -> Start | None:
    """The trained model whose weights these are; None of None.

    Raises:
        UserError: where it is missing, or of another architecture or other classes.
    """
    if path is None:
        return None
    digest, run = digest_of_start(path), ModelFolder(path.parent).run
    if run.architecture != architecture:
        raise UserError(
            f"{path}: a {run.architecture}, which {architecture} cannot go on from; set train.architectures to "
            f"[{run.architecture}] and distill.students to [], or train.start_from to a {architecture}"
        )
    if run.classes != classes:
        raise UserError(
            f"{path}: knows {', '.join(run.classes)}, the data set {', '.join(classes)}; set data.classes to the same, "
            "or train.start_from to another model"
        )
    if run.preprocessing is None:
        raise UserError(f"{path.parent}: its run.json does not say its preprocessing; train that model again")
    return Start(f"{ModelFolder(path.parent).name} on {run.dataset}", run.preprocessing, digest)
