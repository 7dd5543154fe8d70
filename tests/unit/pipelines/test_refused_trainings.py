"""A mistake in what ``ablate``, ``distill`` and ``repeat`` are asked for is reported before Keras starts."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from face_datasets import small_dataset, with_votes
from trained_models import PARAMS, write_trained

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.votes import confused_labels, labels_given_votes, votes_as_teacher
from fer.inference.classifier import Card, Classifier
from fer.job import Teacher
from pipelines import paths
from pipelines.ablate import ablate
from pipelines.distill import distill, read_teachers
from pipelines.ensemble import teach
from pipelines.pack import pack
from pipelines.repeat import repeat

TAUGHT = "stronger_augmentation_and_teacher"


@pytest.fixture(autouse=True)
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaceDataset:
    """A project of params.yaml and a data set, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(PARAMS, "params.yaml")
    faces = small_dataset(train=2, held_out=2)
    faces.save(paths.DATASET)
    Path("data/raw").mkdir()
    return faces


def no_data() -> None:
    shutil.rmtree(paths.DATASET)


def another_training() -> None:
    write_trained(paths.REPEATS, small_dataset(train=3, held_out=2), "mini", seed=2).path.rename(
        paths.REPEATS / "mini_quick_2"
    )


def another_teacher() -> None:
    text = PARAMS.read_text()
    assert "teacher: released" in text
    Path("params.yaml").write_text(text.replace("teacher: released", "teacher: models/mini"))


def no_share() -> None:
    text = PARAMS.read_text()
    assert text.count("\n  share: 0.7 ") == 1
    Path("params.yaml").write_text(text.replace("\n  share: 0.7 ", "\n  share: 0.0 "))


def goes_on() -> None:
    """A model to go on from, which is a baseline."""
    folder = write_trained(Path("first"), small_dataset(train=2, held_out=2))
    (folder.path / "model.weights.h5").write_bytes(b"weights")
    text = PARAMS.read_text().replace("start_from: data/raw", f"start_from: {folder.path / 'model.weights.h5'}")
    Path("params.yaml").write_text(text)
    Path("plan.yaml").write_text("{recipe: quick, reserve: 0, jobs: [{name: mini, architecture: mini}]}")


@pytest.mark.parametrize(
    ("before", "command", "words"),
    [
        (
            None,
            lambda: ablate.fn("no_mixup", "mini"),
            "ablations.changes.no_mixup: changes nothing of mini's recipe 'quick'",
        ),
        (None, lambda: ablate.fn("no_mixupp", "mini"), "unknown ablation 'no_mixupp'; did you mean no_mixup?"),
        (
            None,
            lambda: ablate.fn("no_mixup", "minni"),
            "architectures: unknown architecture 'minni'; did you mean mini",
        ),
        (no_data, lambda: ablate.fn("flip_alone", "mini"), "data/dataset/dataset.json: not to be read ("),
        (
            None,
            lambda: ablate.fn(TAUGHT, "mini"),
            f"{TAUGHT}.teacher: trained on FER-2013 (7bfa7eb87bc0a5e6), not on",
        ),
        (
            None,
            lambda: ablate.fn("votes_in_targets", "mini"),
            "votes_in_targets.votes: the data set has no FER+ votes,",
        ),
        (no_share, lambda: ablate.fn(TAUGHT, "mini"), "teacher: teaches nothing, as distill.share is 0; raise it"),
        (another_teacher, lambda: ablate.fn(TAUGHT, "mini"), "teacher: models/mini: no such folder; give"),
        (None, lambda: distill.fn("vgg16"), "params.yaml: distill.students: does not name 'vgg16'; add it"),
        (no_data, lambda: distill.fn("mini"), "data/dataset/dataset.json: not to be read ("),
        (None, lambda: repeat.fn("mobilenetv3", 2), "architectures: unknown architecture 'mobilenetv3'; did you mean"),
        (no_data, lambda: repeat.fn("mini", 2), "data/dataset/dataset.json: not to be read ("),
        (goes_on, lambda: repeat.fn("mini", 2), "first/baseline/model.weights.h5: a baseline, which mini cannot go on"),
        (goes_on, lambda: pack(Path("plan.yaml"), Path("packed")), "pack: train.start_from: the model does not travel"),
        (
            another_training,
            lambda: repeat.fn("mini", 2),
            "repeats/mini_quick_2: holds a training on other data",
        ),
    ],
)
def test_a_mistake_is_one_line(before: Callable[[], None] | None, command: Callable[[], None], words: str) -> None:
    if before:
        before()
    with pytest.raises(UserError) as caught:
        command()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_ablation_with_a_teacher_trains_on_its_predictions(
    dataset: FaceDataset, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import train

    folder = shutil.copytree(model_folder, Path("teacher"))
    card = replace(Card.load(folder), fingerprint=dataset.fingerprint)
    card.save(folder)
    Path("params.yaml").write_text(PARAMS.read_text().replace("teacher: released", "teacher: teacher"))
    trained: list[tuple[Any, ...]] = []
    monkeypatch.setattr(train, "train_job", lambda *job, teacher: trained.append((*job, teacher)))
    ablate.fn(TAUGHT, "mini")
    ((changed, _, job, name, place, command, targets, teacher),) = trained
    assert targets is None
    assert job.recipe == changed.recipe("mini")
    assert job.recipe.augmentation.rotate == 15
    assert (name, place, command[1:]) == (f"mini_{TAUGHT}", paths.ABLATIONS / "mini" / TAUGHT, [TAUGHT, "mini"])
    digits = card.network_sha256[:12]
    members = f"{card.architecture} (float32, {digits}), of every view"
    assert job.teacher == Teacher(changed.distill.share, members, card.model_sha256)
    faces = np.asarray(dataset.images[:3])
    labels, predicted = np.eye(7, dtype=np.float32)[:3], Classifier(folder).predict(faces)
    np.testing.assert_allclose(teacher.targets(faces, labels), 0.3 * labels + 0.7 * predicted, rtol=1e-5)


def test_an_ablation_with_votes_trains_on_them(dataset: FaceDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines import train

    with_votes(dataset).save(paths.DATASET)
    trained: list[tuple[Any, ...]] = []
    monkeypatch.setattr(train, "train_job", lambda *job, teacher: trained.append((*job, teacher)))
    ablate.fn("votes_in_targets", "mini")
    ((_, data, job, name, *_, targets, teacher),) = trained
    assert (name, job.teacher, teacher) == ("mini_votes_in_targets", votes_as_teacher(data, 0.5), None)
    train = data.rows("train")
    labels = np.eye(7, dtype=np.float32)[data.labels[train]]
    np.testing.assert_allclose(2 * targets - labels, labels_given_votes(data)[train], atol=1e-6)
    ablate.fn("smoothing_by_confusion", "mini")
    _, (changed, data, job, *_, targets, teacher) = trained
    assert (job.teacher, teacher) == (votes_as_teacher(data, 0.0857, "class"), None)
    assert job.recipe == changed.recipe("mini")
    assert job.recipe.label_smoothing == 0
    confused = (targets - (1 - 0.0857) * labels) / 0.0857
    np.testing.assert_allclose(confused, confused_labels(data)[data.labels[train]], atol=1e-5)


def write_teachers(dataset: FaceDataset) -> None:
    paths.ENSEMBLE.mkdir(parents=True)
    paths.TEACHERS.write_text(json.dumps({"fingerprint": dataset.fingerprint, "members": "mini 1.00"}))
    rows = len(dataset.rows("train"))
    np.save(paths.TEACHER_PREDICTIONS, np.full((rows, 7), 1 / 7, np.float32))


def test_teachers_predictions_are_read(dataset: FaceDataset) -> None:
    write_teachers(dataset)
    members, predictions = read_teachers.fn(dataset)
    assert (members, predictions.shape) == ("mini 1.00", (14, 7))


@pytest.mark.parametrize("path", [paths.TEACHERS, paths.TEACHER_PREDICTIONS], ids=["teachers", "predictions"])
@pytest.mark.parametrize("content", [None, b"", b"no numbers"])
def test_teachers_predictions_that_cannot_be_read_are_one_line(
    dataset: FaceDataset, path: Path, content: bytes | None
) -> None:
    write_teachers(dataset)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{path}: not to be read \(.*\); run dvc repro ensemble$") as caught:
        read_teachers.fn(dataset)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "lacks fingerprint, members"),
        ({"fingerprint": "0" * 16}, "lacks members"),
        ({"fingerprint": "0" * 16, "members": 3}, "members: input should be a valid string, got 3"),
        ({"fingerprint": "0" * 16, "members": "mini 1.00"}, "of other data than data/dataset"),
    ],
)
def test_teachers_of_another_form_or_of_other_data_are_one_line(
    dataset: FaceDataset, content: dict[str, object], words: str
) -> None:
    write_teachers(dataset)
    paths.TEACHERS.write_text(json.dumps(content))
    with pytest.raises(UserError) as caught:
        read_teachers.fn(dataset)
    assert str(caught.value) == f"{paths.TEACHERS}: {words}; run dvc repro ensemble"


@pytest.mark.parametrize(
    ("predictions", "found"),
    [
        (np.zeros((13, 7), np.float32), r"float32 \(13, 7\)"),
        (np.zeros((14, 6), np.float32), r"float32 \(14, 6\)"),
        (np.zeros(14, np.float32), r"float32 \(14,\)"),
        (np.zeros((14, 7), np.int64), r"int64 \(14, 7\)"),
    ],
)
def test_teachers_predictions_of_another_shape_are_one_line(
    dataset: FaceDataset, predictions: np.ndarray, found: str
) -> None:
    write_teachers(dataset)
    np.save(paths.TEACHER_PREDICTIONS, predictions)
    asked = rf"^{paths.TEACHER_PREDICTIONS}: {found}, where float32 \(14, 7\) is needed; run dvc repro ensemble$"
    with pytest.raises(UserError, match=asked):
        read_teachers.fn(dataset)


def test_the_teachers_are_named_after_their_predictions_are_there(
    dataset: FaceDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an interruption in between, the former note does not fit the data: it must not vouch for the old file."""

    def interrupted(*_: object) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.ensemble.ensemble_predict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        teach.fn(None, "mini 1.00", [], dataset)  # type: ignore[arg-type]
    assert not paths.TEACHERS.exists()


def test_no_keras_is_needed_for_it() -> None:
    code = "import sys, pipelines.ablate, pipelines.distill, pipelines.repeat; print('keras' in sys.modules)"
    root = PARAMS.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
