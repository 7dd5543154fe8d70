"""What this machine has trained, put into the kept records."""

import hashlib
from pathlib import Path

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.comparison import open_models
from fer.evaluation.model_folder import ModelFolder
from fer.params import Params
from fer.report.ablations import ablation_groups, ablation_table, finished_ablations
from fer.report.records import best_first, check, check_images, keep, kept_models, remedy_of, trained_below
from fer.report.seeds import repeat_name
from pipelines import paths


def trained_here(params: Params, dataset: FaceDataset) -> list[ModelFolder]:
    """The architectures and students of ``params`` that this machine has trained, best first, each found whole."""
    found = []
    for models, names, stage in (
        (paths.MODELS, params.train.architectures, "train"),
        (paths.DISTILLED, params.distill.students, "distill"),
    ):
        again = f"run the {stage} stage again"
        here = open_models(models, [name for name in names if (models / name / "run.json").is_file()], dataset)
        for folder in here:
            check(folder, again)
            check_images(folder, dataset, again)
            _check_network(folder, again)
        found += here
    return best_first(found)


def _check_network(folder: ModelFolder, remedy: str) -> None:
    if not folder.onnx.is_file():
        raise UserError(f"{folder.onnx}: missing; {remedy}")
    with folder.onnx.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != folder.run["model_sha256"]:
            raise UserError(f"{folder.onnx}: not the network that run.json describes (sha256 differs); {remedy}")


def keep_all(here: list[ModelFolder], records: Path, dataset: FaceDataset) -> list[ModelFolder]:
    """Keep the models of this machine, and give all that are kept, best first.

    Raises:
        UserError: where something kept is damaged or was trained on other data, before anything is written; where
            there is none but students.
    """
    before = {folder.path: folder.run["model_sha256"] for folder in kept_models(records, dataset)}
    for folder in here:
        keep_one(folder, records / folder.name, before)
    folders = best_first(trained_below(records))
    if all(folder.job.teacher for folder in folders):
        raise UserError(f"{records}: no model is kept, and none of train.architectures is trained; run dvc repro first")
    return folders


def keep_one(folder: ModelFolder, target: Path, before: dict[Path, str]) -> None:
    """Keep a training, and say so where it is another than that of ``before``: the models' digests by their records."""
    if before.get(target) != folder.run["model_sha256"]:
        print(f"results: {target.name}: {'replaced' if target in before else 'new'} in {target.parent}")
    keep(folder, target)


def keep_ablations(params: Params, folders: list[ModelFolder], records: Path) -> pd.DataFrame:
    """Keep this machine's ablations, and give the table of all, with the distilled models beside their own training.

    Only what differs in an ablation's change alone counts; what is left out is said.
    """
    architecture = params.ablations.architecture
    own = next((folder for folder in folders if folder.name == architecture), None)
    here, before = trained_below(paths.ABLATIONS), {}
    for folder in here:
        check(folder, f"run python -m pipelines ablate {folder.path.name} again, or remove it")
    for folder in trained_below(records):
        check(folder, remedy_of(folder))
        before[folder.path] = folder.run["model_sha256"]
    belonging = [ablation.folder for ablation in finished_ablations(params, own, paths.ABLATIONS)] if own else []
    for folder in belonging:
        keep_one(folder, records / folder.path.name, before)
    groups = ablation_groups(params, folders, records)
    shown = {ablation.folder.path for group in groups for ablation in group}
    for folder in (*(folder for folder in here if folder not in belonging), *trained_below(records)):
        if folder.path not in shown:
            print(
                f"results: {folder.path}: left out, not {architecture}'s training with one change of params.yaml alone"
            )
    return ablation_table(groups, params.compare)


def keep_repeats(records: Path, dataset: FaceDataset) -> list[ModelFolder]:
    """Keep this machine's trainings of ``dataset`` by seeds of their own, and give all that are kept.

    Raises:
        UserError: where one is damaged, or what is kept was trained on other data.
    """
    before = {folder.path: folder.run["model_sha256"] for folder in kept_models(records, dataset, repeat_name)}
    here = trained_below(paths.REPEATS)
    for folder in here:
        remedy = "remove it, or run python -m pipelines repeat again"
        check(folder, remedy)
        if folder.path.name != (name := repeat_name(folder)):
            raise UserError(f"{folder.path}: is a training named {name}; give the folder that name, or remove it")
        if folder.job.fingerprint == dataset.fingerprint:
            check_images(folder, dataset, remedy)
    for folder in here:
        if folder.job.fingerprint == dataset.fingerprint:
            keep_one(folder, records / folder.path.name, before)
        else:
            print(f"results: {folder.path}: left out, trained on other data")
    return kept_models(records, dataset, repeat_name)
