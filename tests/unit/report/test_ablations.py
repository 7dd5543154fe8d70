import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from face_datasets import small_dataset, with_values
from trained_models import PARAMS, write_trained

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.job import VOTES_TEACHERS
from fer.params import Params, load_params
from fer.report.ablations import Ablation, ablation_groups, ablation_table, finished_ablations
from fer.sections import Compare

SETTINGS = Compare(bootstrap=50, seed=5, sample_faces=7)
TEACHER = {"members": "mini 1.00", "digest": "0", "share": 0.7}
COMMANDS = ["python -m pipelines ablate fewer mini", "python -m pipelines ablate copies_kept mini"]


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    """Of its validation and test images the first ones have a copy in train."""
    faces = small_dataset(train=2, held_out=6)
    return with_values(faces, "train_copy", {int(faces.rows(split)[0]): True for split in ("validation", "test")})


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Params:
    content = yaml.safe_load(PARAMS.read_text())
    content["ablations"] = {
        "architecture": "mini",
        "changes": {
            "fewer": {"recipe": {"epochs": 2}},
            "copies_kept": {"data": {"remove_copies": False}},
            "never_run": {"recipe": {"epochs": 9}},
            "taught": {"teacher": "released"},
            "voted": {"votes": 0.5},
            "confused": {"votes": 0.5, "votes_by": "class"},
        },
    }
    path = tmp_path_factory.mktemp("params") / "params.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return load_params(path)


@pytest.fixture
def trained(dataset: FaceDataset, params: Params, tmp_path: Path) -> dict[str, ModelFolder]:
    """``mini``'s own training and those of two ablations, as their commands leave them."""
    copies = with_values(dataset, "sha256", {int(dataset.rows("train")[0]): "0" * 64})
    own = write_trained(tmp_path / "models", dataset, "mini", seed=1)
    folders = {"mini": own}
    for number, (name, faces) in enumerate((("fewer", dataset), ("copies_kept", copies))):
        written = write_trained(tmp_path / "made", faces, "mini", seed=2 + number)
        target = tmp_path / "ablations/mini" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        written.path.rename(target)
        folders[name] = ModelFolder(target)
        change(folders[name], lambda run: run.update(seed=1))
    change(folders["fewer"], lambda run: run["recipe"].update(epochs=2))
    return folders


def change(folder: ModelFolder, edit: Callable[[dict[str, Any]], None]) -> None:
    path = folder.path / "run.json"
    run = json.loads(path.read_text())
    edit(run)
    path.write_text(json.dumps(run))


def found(params: Params, trained: dict[str, ModelFolder], folder: Path) -> list[Ablation]:
    return finished_ablations(params, trained["mini"], folder / "ablations")


def test_what_was_trained_is_found_with_its_command(
    params: Params, trained: dict[str, ModelFolder], tmp_path: Path
) -> None:
    ablations = found(params, trained, tmp_path)
    assert [ablation.label for ablation in ablations] == ["Mini, fewer", "Mini, copies kept"]
    assert [ablation.command for ablation in ablations] == COMMANDS


@pytest.mark.parametrize(
    "edit",
    [
        lambda run: run["recipe"].update(epochs=3),
        lambda run: run["recipe"].update(learning_rate=0.5),
        lambda run: run.update(seed=9),
        lambda run: run.update(classes=run["classes"][::-1]),
        lambda run: run.update(architecture="compact"),
        lambda run: run.update(fingerprint="0" * 16),
        lambda run: run.update(weights="imagenet"),
        lambda run: run.update(teacher=TEACHER),
    ],
)
def test_one_that_differs_in_more_than_its_change_is_left_out(
    params: Params, trained: dict[str, ModelFolder], tmp_path: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    change(trained["fewer"], edit)
    assert [ablation.label for ablation in found(params, trained, tmp_path)] == ["Mini, copies kept"]


@pytest.mark.parametrize(
    ("teacher", "labels"),
    [
        (TEACHER, ["Mini, taught (mini 1.00, 70 %)"]),
        (TEACHER | {"share": 0.5}, []),
        (None, []),
    ],
)
def test_a_change_of_teacher_has_one_that_is_named(
    params: Params, trained: dict[str, ModelFolder], tmp_path: Path, teacher: dict[str, Any] | None, labels: list[str]
) -> None:
    shutil.copytree(trained["mini"].path, tmp_path / "taught/mini/taught")
    if teacher:
        change(ModelFolder(tmp_path / "taught/mini/taught"), lambda run: run.update(teacher=teacher))
    ablations = finished_ablations(params, trained["mini"], tmp_path / "taught")
    assert [ablation.label for ablation in ablations] == labels


@pytest.mark.parametrize(
    ("teacher", "labels"),
    [
        (TEACHER | {"members": VOTES_TEACHERS["image"], "share": 0.5}, ["Mini, voted (FER+ votes, 50 %)"]),
        (TEACHER | {"members": VOTES_TEACHERS["image"]}, []),
        (
            TEACHER | {"members": VOTES_TEACHERS["class"], "share": 0.5},
            ["Mini, confused (FER+ votes by class, 50 %)"],
        ),
        (TEACHER | {"share": 0.5}, []),
        (None, []),
    ],
)
def test_a_change_to_votes_has_them_by_its_share(
    params: Params, trained: dict[str, ModelFolder], tmp_path: Path, teacher: dict[str, Any] | None, labels: list[str]
) -> None:
    for name in ("voted", "confused", "taught"):
        folder = tmp_path / "voted/mini" / name
        shutil.copytree(trained["mini"].path, folder)
        if teacher and (name != "taught" or teacher["members"] in VOTES_TEACHERS.values()):
            change(ModelFolder(folder), lambda run: run.update(teacher=teacher))
    ablations = finished_ablations(params, trained["mini"], tmp_path / "voted")
    assert [ablation.label for ablation in ablations] == labels


def test_one_with_predictions_of_other_images_is_left_out(
    params: Params, trained: dict[str, ModelFolder], tmp_path: Path
) -> None:
    path = trained["copies_kept"].path / "predictions.parquet"
    table = trained["copies_kept"].predictions
    table.assign(source_id=table["source_id"].iloc[::-1].to_numpy()).to_parquet(path)
    assert [ablation.label for ablation in found(params, trained, tmp_path)] == ["Mini, fewer"]


def test_copies_kept_where_there_was_none_to_keep_are_left_out(
    params: Params, trained: dict[str, ModelFolder], tmp_path: Path
) -> None:
    change(trained["copies_kept"], lambda run: run.update(fingerprint=trained["mini"].run.fingerprint))
    assert [ablation.label for ablation in found(params, trained, tmp_path)] == ["Mini, fewer"]


def test_none_belongs_to_a_training_by_another_recipe_or_of_another_architecture(
    params: Params, trained: dict[str, ModelFolder], tmp_path: Path
) -> None:
    for edit in (lambda run: run["recipe"].update(epochs=77), lambda run: run.update(architecture="compact")):
        own = tmp_path / "own"
        shutil.copytree(trained["mini"].path, own, dirs_exist_ok=True)
        change(ModelFolder(own), edit)
        assert not finished_ablations(params, ModelFolder(own), tmp_path / "ablations")


def test_a_distilled_model_stands_below_its_own_training(
    dataset: FaceDataset, params: Params, trained: dict[str, ModelFolder], tmp_path: Path
) -> None:
    folders = [trained["mini"]]
    for number, (name, taught) in enumerate((("mini", True), ("compact", False), ("compact", True), ("vgg16", True))):
        folders.append(write_trained(tmp_path / "taught" / str(number), dataset, name, seed=1))
        if taught:
            change(folders[-1], lambda run: run.update(teacher=TEACHER, title=f"{run['title']} (distilled)"))
    of_mini, of_compact = ablation_groups(params, folders, tmp_path / "ablations")
    assert [ablation.folder for ablation in of_mini[:2]] == folders[:2]
    assert [ablation.command for ablation in of_mini[2:]] == COMMANDS
    assert [ablation.folder for ablation in of_compact] == folders[2:4], "of vgg16 there is no own training"
    assert [ablation.command for ablation in of_compact] == ["dvc repro train@compact", "dvc repro distill@compact"]
    table = ablation_table([of_mini[:1], of_compact], SETTINGS)
    assert table["training"].tolist() == ["Mini", "Compact", "Compact (distilled)"]
    assert (table["difference in points"] == "-").tolist() == [True, True, False]


@pytest.mark.parametrize(
    "edit",
    [
        lambda run: run["recipe"].update(epochs=99),
        lambda run: run.update(seed=2),
        lambda run: run.update(weights="imagenet"),
    ],
)
def test_a_distilled_model_that_differs_in_more_than_its_teacher_is_no_pair(
    dataset: FaceDataset,
    params: Params,
    trained: dict[str, ModelFolder],
    tmp_path: Path,
    edit: Callable[[dict[str, Any]], None],
) -> None:
    student = write_trained(tmp_path / "taught", dataset, "mini", seed=1)
    change(student, lambda run: run.update(teacher=TEACHER))
    folders = [trained["mini"], ModelFolder(student.path)]
    assert ablation_groups(params, folders, tmp_path / "none")
    change(student, edit)
    assert not ablation_groups(params, [trained["mini"], ModelFolder(student.path)], tmp_path / "none")


def test_where_every_validation_image_has_a_copy_in_train_nothing_is_compared(
    dataset: FaceDataset, params: Params, trained: dict[str, ModelFolder], tmp_path: Path
) -> None:
    groups = ablation_groups(params, [trained["mini"]], tmp_path / "ablations")
    for ablation in groups[0]:
        ablation.folder.predictions["train_copy"] |= ablation.folder.predictions["split"] == "validation"
    columns = ["validation accuracy without copied images", "difference in points"]
    assert (ablation_table(groups, SETTINGS)[columns] == "-").all(axis=None)


def test_nothing_to_compare_is_an_empty_table() -> None:
    assert ablation_table([], SETTINGS).empty
