"""What this machine has trained, put into the kept records."""

from collections.abc import Collection
from pathlib import Path

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.comparison import open_models
from fer.evaluation.model_folder import ModelFolder
from fer.params import Params
from fer.report.ablations import Ablation, ablation_groups, finished_ablations
from fer.report.records import (
    best_first,
    check,
    check_images,
    check_network,
    keep,
    kept_models,
    remedy_of,
    trained_below,
    trained_by_architecture,
)
from fer.report.seeds import repeat_name, seed_groups


def trained_here(models: Path, names: Collection[str], dataset: FaceDataset, stage: str) -> list[ModelFolder]:
    """Those of the models ``names`` that this machine has trained, each checked to be whole.

    Args:
        models: holds a folder a model.
        names: of the folders.
        dataset: what all must have been trained on.
        stage: the DVC stage that trains them.

    Raises:
        UserError: where one is damaged or was trained on other data.
    """
    again = f"run the {stage} stage again"
    folders = open_models(models, [name for name in names if (models / name / "run.json").is_file()], dataset)
    for folder in folders:
        check(folder, again)
        check_images(folder, dataset, again)
        check_network(folder, again)
    return folders


def keep_models(here: list[ModelFolder], records: Path, dataset: FaceDataset) -> list[ModelFolder]:
    """Keep the models of this machine, and give all that are kept, best first.

    Raises:
        UserError: where something kept is damaged or was trained on other data, before anything is written; where
            nothing but distilled models is kept.
    """
    before = _digests(kept_models(records, dataset))
    for folder in here:
        _keep_one(folder, records / folder.name, before)
    folders = best_first(trained_below(records))
    if all(folder.job.teacher for folder in folders):
        raise UserError(f"{records}: no model is kept, and none of train.architectures is trained; run dvc repro first")
    return folders


def keep_ablations(trained: Path, params: Params, models: list[ModelFolder], records: Path) -> list[list[Ablation]]:
    """Keep this machine's ablations, and give all that are kept, each group behind the training it differs from.

    An ablation that differs from that training in more than its own change is left out, with a line that says so.

    Args:
        trained: holds a folder an ablation: ``<architecture>/<name>``.
        params: whose ablations are looked for.
        models: the kept models, distilled ones included.
        records: where ablations are kept, in the same folders.
    """
    here, kept = trained_by_architecture(trained), trained_by_architecture(records)
    for folder in here:
        change = f"{folder.path.name} {folder.path.parent.name}"
        check(folder, f"run python -m pipelines ablate {change} again, or remove it")
    for folder in kept:
        check(folder, remedy_of(folder))
    own = [folder for folder in models if folder.job.teacher is None]
    belonging = [ablation.folder for one in own for ablation in finished_ablations(params, one, trained)]
    before = _digests(kept)
    for folder in belonging:
        _keep_one(folder, records / folder.path.relative_to(trained), before)
    groups = ablation_groups(params, models, records)
    shown = {ablation.folder.path for group in groups for ablation in group}
    for folder in (*(folder for folder in here if folder not in belonging), *trained_by_architecture(records)):
        if folder.path not in shown:
            architecture = folder.path.parent.name
            _say(f"{folder.path}: left out, not {architecture}'s training with one change of params.yaml alone")
    return groups


def keep_repeats(trained: Path, records: Path, dataset: FaceDataset) -> list[ModelFolder]:
    """Keep this machine's trainings of ``dataset`` by other seeds, and give all that are kept.

    Args:
        trained: holds a folder a training.
        records: where they are kept.
        dataset: what they were trained on; one on other data is left out, with a line that says so.

    Raises:
        UserError: where one is damaged, or what is kept was trained on other data.
    """
    before = _digests(kept_models(records, dataset, repeat_name))
    here = trained_below(trained)
    for folder in here:
        remedy = "remove it, or run python -m pipelines repeat again"
        check(folder, remedy)
        if folder.path.name != (name := repeat_name(folder)):
            raise UserError(f"{folder.path}: is a training named {name}; give the folder that name, or remove it")
        if folder.job.fingerprint == dataset.fingerprint:
            check_images(folder, dataset, remedy)
    for folder in here:
        if folder.job.fingerprint == dataset.fingerprint:
            _keep_one(folder, records / folder.path.name, before)
        else:
            _say(f"{folder.path}: left out, trained on other data")
    return kept_models(records, dataset, repeat_name)


def group_seeds(models: list[ModelFolder], repeats: list[ModelFolder]) -> list[list[ModelFolder]]:
    """The seeds of each training, as ``fer.report.seeds.seed_groups``; a repeat that is in none is named in a line."""
    groups = seed_groups([*models, *repeats])
    for alone in set(repeats) - {folder for group in groups for folder in group}:
        _say(f"{alone.path}: kept, not shown: no other seed of it is kept, or the same training is")
    return groups


def _digests(folders: list[ModelFolder]) -> dict[Path, str]:
    """The models' digests by their folders."""
    return {folder.path: folder.run.model_sha256 for folder in folders}


def _keep_one(folder: ModelFolder, target: Path, before: dict[Path, str]) -> None:
    """Keep a training, and say so where it is another than the one of ``before``."""
    if before.get(target) != folder.run.model_sha256:
        _say(f"{target.name}: {'replaced' if target in before else 'new'} in {target.parent}")
    keep(folder, target)


def _say(line: str) -> None:
    print(f"results: {line}")
