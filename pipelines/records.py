"""What this machine has trained, put into the kept records."""

from pathlib import Path

import pandas as pd

from fer.ablations import ablation_table, distilled_pairs, finished_ablations
from fer.comparison import open_models
from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.outputs import AGAIN, ModelFolder
from fer.params import Params
from fer.records import best_first, check, check_images, keep, kept_models, remedy_of, trained_below
from fer.repeats import repeat_name
from pipelines.models import ABLATIONS, DISTILLED, MODELS, REPEATS


def trained_here(params: Params, dataset: FaceDataset) -> list[ModelFolder]:
    """The architectures and students of ``params`` that this machine has trained, best first, each found whole."""
    found = []
    for models, names in ((MODELS, params.train.architectures), (DISTILLED, params.distill.students)):
        found += open_models(models, [name for name in names if (models / name / "run.json").is_file()], dataset)
    for folder in found:
        check(folder, AGAIN)
        check_images(folder, dataset, AGAIN)
        if not folder.onnx.is_file():
            raise UserError(f"{folder.onnx}: missing; {AGAIN}")
    return best_first(found)


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
    """Keep this machine's ablations, and give the table of all, distilled models beside their own training among them.

    Only what differs from ``params`` in an ablation's change alone counts; none where their architecture is not among
    those kept.
    """
    architecture = params.ablations.architecture
    pairs = distilled_pairs(folders, architecture)
    trained = [folder for folder in folders if folder.job.architecture == architecture]
    own = next((folder for folder in trained if folder.job.teacher is None), None)
    student = next((folder for folder in trained if folder.job.teacher), None)
    if own is None or own.job.recipe != params.recipe(architecture):
        if records.is_dir() or ABLATIONS.is_dir():
            print(f"results: no ablations: no training of {architecture} by the recipe of params.yaml is kept")
        return ablation_table(pairs, params.compare)
    for folder in trained_below(ABLATIONS):
        check(folder, AGAIN)
    before = {}
    for folder in trained_below(records):
        check(folder, remedy_of(folder))
        before[folder.path] = folder.run["model_sha256"]
    for ablation in finished_ablations(params, own, None, ABLATIONS)[1:]:
        keep_one(ablation.folder, records / ablation.folder.path.name, before)
    found = finished_ablations(params, own, student, records)
    return ablation_table([*([found] if len(found) > 1 else []), *pairs], params.compare)


def keep_repeats(records: Path, dataset: FaceDataset) -> list[ModelFolder]:
    """Keep this machine's trainings of ``dataset`` by seeds of their own, and give all that are kept.

    Raises:
        UserError: where one is damaged, or what is kept was trained on other data.
    """
    before = {folder.path: folder.run["model_sha256"] for folder in kept_models(records, dataset, repeat_name)}
    here = trained_below(REPEATS)
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
