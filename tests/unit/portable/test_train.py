"""A job trains as ``fer.training.fit`` does, within its minutes, and goes on where it was interrupted."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops
from tiny_jobs import NO_CHANGES, PLAIN, no_weights, quiet, splits, tiny_job
from tiny_training import CLASSES, EPOCHS, HEAD_EPOCHS, RECIPE, dataset, make_job, write_pretrained

from fer.errors import UserError
from fer.models.common.network import build_classifier
from fer.models.common.registry import get_architecture
from fer.portable import train
from fer.portable.clock import Clock, OutOfTimeError
from fer.portable.engine import chunks_of
from fer.portable.folder import PackedJob
from fer.portable.lesson import Lesson
from fer.portable.train import Finished, Training, rates_of, teacher_of
from fer.recipe import Augmentation, Mixup
from fer.training.checkpoint import Checkpoint
from fer.training.fit import fit
from fer.training.optimizer import ALL, HEAD, compile_phase

TOTAL = HEAD_EPOCHS + EPOCHS
FREE = Clock(None, 0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pretrained(tmp_path_factory.mktemp("weights"))


def training(folder: Path, job: PackedJob, weights: Path, say=quiet, teachers=()) -> Training:
    return Training(job, splits(), list(teachers), weights, Checkpoint(folder / "checkpoint"), "abc", say)


@dataclass
class Whole:
    """A job that nothing interrupted, and its folder."""

    finished: Finished
    folder: Path


@pytest.fixture(scope="module")
def whole(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    return Whole(training(folder, tiny_job(), weights).run(FREE), folder)


def assert_same(first: Finished, second: Finished) -> None:
    assert first.progress == second.progress
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(first.ten_views, second.ten_views)


@pytest.mark.parametrize(
    ("optimizer", "pretrained", "radius"), [("adam", "auto", 0.0), ("sgd", "none", 0.0), ("sgd", "none", 0.05)]
)
def test_without_random_changes_it_is_the_training_of_fit(
    weights: Path, tmp_path: Path, optimizer: str, pretrained: str, radius: float
) -> None:
    """Schedule, decay, averages, statistics, class weights, smoothing, dropout, both phases and the epoch kept.

    From random weights there is one phase, and so half as much to compile.
    """
    plain = {
        "optimizer": optimizer,
        "pretrained": pretrained,
        "batch_size": 8,
        "learning_rate": 0.005,
        "first_layer_rate": 0.3,
        "sharpness_radius": radius,
    }
    job = tiny_job(**PLAIN, **plain)
    here = training(tmp_path / "here", job, weights).run(FREE)
    changes = {"augmentation": Augmentation(**NO_CHANGES), "mixup": Mixup(alpha=0, until=1)}
    there = fit(dataset(), make_job(**changes, **plain), weights, Checkpoint(tmp_path / "there"))
    assert here.progress.best_epoch == there.progress.best_epoch
    for mine, theirs in zip(here.progress.history, there.progress.history, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
    final = Checkpoint(tmp_path / "there").load()
    for mine, theirs in zip(here.weights, final.best, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)
    assert here.temperature == pytest.approx(there.temperature, rel=1e-3)


@pytest.mark.parametrize("phase", [HEAD, ALL])
@pytest.mark.parametrize("changes", [{}, {"schedule": "constant"}, {"warmup_epochs": 0}])
def test_learning_rates_are_those_of_the_compiled_phase(phase: str, changes: dict[str, object]) -> None:
    recipe = RECIPE.model_copy(update=changes)
    model = build_classifier(get_architecture("tiny"), len(CLASSES), 32, "unit")
    compile_phase(model, recipe, phase, 7)
    epochs = recipe.head_epochs if phase == HEAD else recipe.epochs
    expected = [float(model.optimizer._learning_rate(step)) for step in range(7 * epochs)]
    np.testing.assert_allclose(rates_of(recipe, phase, 7), expected, rtol=1e-5, atol=1e-9)


def test_an_epoch_is_a_whole_number_of_calls() -> None:
    for steps in range(1, 1000):
        calls, each = chunks_of(steps)
        assert 0.97 * steps <= calls * each <= steps, steps
        assert each <= 40
    # FER-2013's 26,942 images in batches of 128 and of 64.
    assert [chunks_of(26_942 // batch) for batch in (128, 64)] == [(6, 35), (12, 35)]


class KilledError(Exception):
    """As a kill would."""


def test_interrupted_again_and_again_and_resumed_the_weights_are_the_same(
    whole: Whole, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first checkpoint, in the first epoch of the second phase, and in the last epoch."""
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", -1.0)
    said: list[str] = []
    for epoch in (1, HEAD_EPOCHS + 1, TOTAL):

        def interrupt(line: str, last: str = f"epoch {epoch}/") -> None:
            said.append(line)
            if last in line:
                raise KilledError

        with pytest.raises(KilledError):
            training(tmp_path, tiny_job(), weights, interrupt).run(FREE)
    resumed = training(tmp_path, tiny_job(), weights, said.append).run(FREE)
    epochs = [int(line.split("epoch ")[1].split("/")[0]) for line in said if ": loss" in line]
    assert epochs == [1, 1, 2, 3, 3, 4, 5, 5], "the epoch that was not written is trained again, and no other"
    assert_same(resumed, whole.finished)


def test_another_code_begins_anew(whole: Whole, weights: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.folder / "checkpoint", tmp_path / "checkpoint")
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    saved = checkpoint.load()
    saved.progress.code = "other"
    checkpoint.save(saved)
    said: list[str] = []
    again = training(tmp_path, tiny_job(), weights, said.append).run(FREE)
    assert said[0] == "one: the code has changed since the checkpoint; the training begins anew"
    assert_same(again, whole.finished)


def test_fewer_epochs_are_trained_where_time_is_short_by_a_whole_schedule(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Training, "_measure", lambda self, phase: 10.0)
    one = training(tmp_path, tiny_job(epochs=50, job={"minutes": 1.5}, **PLAIN), weights)
    finished = one.run(Clock(60, 0))
    epochs = finished.progress.total - HEAD_EPOCHS
    assert 4 <= epochs <= 6, "85 s, less what came before, by 10 s, less those of the head"
    assert finished.progress.epochs == finished.progress.total
    recipe = SimpleNamespace(**vars(tiny_job().recipe) | {"epochs": epochs})
    assert rates_of(recipe, ALL, one.calls * one.steps)[-1] < 0.2 * recipe.learning_rate


def test_too_few_epochs_are_not_begun(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Training, "_measure", lambda self, phase: 10.0)
    job = tiny_job(epochs=50, job={"minutes": 1.0, "least": 20})
    with pytest.raises(OutOfTimeError, match=r"^[0-4] epochs of 10.0 s fit .* fewer than 20 are not worth beginning"):
        training(tmp_path, job, weights).run(Clock(60, 0))
    settled = tiny_job(job={"minutes": 1.0})
    with pytest.raises(OutOfTimeError, match="fewer than 40 are not worth"):
        training(tmp_path, settled, weights).run(Clock(60, 0), HEAD_EPOCHS + 40)


def test_where_the_minutes_end_too_soon_what_there_is_is_kept_and_gone_on_with(
    whole: Whole, weights: Path, tmp_path: Path
) -> None:
    """What is measured before leaves no trace.

    Both phases are compiled by then: on an accelerator that takes longer than an epoch, and what is compiled later ends
    after the minutes.
    """
    clock, said, compiled = Clock(60, 0), [], []

    def slow(line: str) -> None:
        said.append(line)
        compiled.append(set(one.engines))
        if "epoch 3/" in line:
            clock.end = time.monotonic()

    one = training(tmp_path, tiny_job(), weights, slow)
    cut = one.run(clock)
    assert compiled[0] == {HEAD, ALL}
    assert cut.seconds["measuring"] > 0
    assert said[-1] == f"one: the minutes end after epoch 3 of {TOTAL}"
    assert (cut.progress.epochs, cut.progress.total, len(cut.progress.history)) == (3, TOTAL, 3)
    assert cut.progress.history == whole.finished.progress.history[:3]
    assert cut.progress.best_epoch <= 3
    assert cut.ten_views.shape == (12, 3)
    said.clear()
    assert_same(training(tmp_path, tiny_job(), weights, said.append).run(FREE), whole.finished)
    assert sum(": loss" in line for line in said) == TOTAL - 3, "no epoch is trained twice"


def test_no_minutes_at_all_begin_nothing(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Training, "_measure", lambda self, phase: 0.001)
    with pytest.raises(OutOfTimeError):
        training(tmp_path, tiny_job(), weights).run(Clock(0, 0))


def test_a_loss_that_explodes_is_one_line(tmp_path: Path) -> None:
    job = tiny_job(learning_rate=1e30, warmup_epochs=0, pretrained="none", **PLAIN)
    with pytest.raises(UserError, match=r"^one: the loss .* in epoch 1; lower its learning_rate"):
        training(tmp_path, job, no_weights(tmp_path / "weights")).run(FREE)


@pytest.fixture(scope="module")
def lesson(whole: Whole) -> Lesson:
    keras.utils.set_random_seed(5)
    student = build_classifier(get_architecture("tiny"), len(CLASSES), 32, "unit")
    faces, labels = splits()[0]
    teachers = [
        teacher_of(tiny_job(), whole.finished, 48),
        build_classifier(get_architecture("tiny"), len(CLASSES), 32, "unit"),
    ]
    targets = np.eye(len(CLASSES), dtype=np.float32)[labels]
    recipe = tiny_job(mixup={"alpha": 1.0, "until": 1.0}).recipe
    return Lesson(student, faces, targets, np.ones(len(faces), np.float32), recipe, 4, teachers, 0.7)


@pytest.mark.parametrize("blends", [True, False])
def test_a_consistent_teacher_answers_the_very_view(lesson: Lesson, blends: bool) -> None:
    rows = ops.convert_to_tensor([3, 0, 11, 5], "int32")
    inputs = {
        "rows": rows,
        "epoch": ops.convert_to_tensor(2, "int32"),
        "blends": ops.convert_to_tensor(blends, "bool"),
    }
    views, labels, _ = lesson.views(inputs)
    probabilities, targets, _ = lesson(inputs, training=False)
    answers = np.mean([ops.convert_to_numpy(one(views, training=False)) for one in lesson.teachers], axis=0)
    labels = ops.convert_to_numpy(labels)
    assert (labels.max(axis=1) < 1).any() == blends
    np.testing.assert_allclose(ops.convert_to_numpy(targets), 0.3 * labels + 0.7 * answers, atol=1e-6)
    np.testing.assert_allclose(
        ops.convert_to_numpy(probabilities), ops.convert_to_numpy(lesson.student(views, training=False)), atol=1e-6
    )


def test_teachers_are_not_trained(lesson: Lesson) -> None:
    assert len(lesson.trainable_variables) == len(lesson.student.trainable_variables)


def test_a_student_learns_what_its_teacher_says(weights: Path, tmp_path: Path) -> None:
    """A teacher that always says sad is believed, whatever the labels."""
    teacher = build_classifier(get_architecture("tiny"), len(CLASSES), 32, "unit")
    values = [np.zeros_like(value) for value in teacher.get_weights()]
    values[-1] = np.float32([0, 0, 9])
    teacher.set_weights(values)
    job = tiny_job(epochs=3, pretrained="none", learning_rate=0.1, job={"teachers": ("t",), "share": 1.0}, **PLAIN)
    taught = training(tmp_path, job, weights, teachers=[teacher]).run(FREE)
    assert taught.progress.history[-1]["accuracy"] == 1
    assert (taught.validation.argmax(axis=1) == 2).all()
