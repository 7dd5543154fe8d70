import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_known import tiny_known
from tiny_training import (
    CLASSES,
    EPOCHS,
    FILE,
    HEAD_EPOCHS,
    dataset,
    make_job,
    write_pretrained,
)

from fer.errors import UserError
from fer.evaluation.scores import accuracy_and_macro_f1
from fer.job import Job, Start
from fer.models.common.network import NETWORK
from fer.models.common.registry import BACKBONE
from fer.recipe import Mixup
from fer.training import precision
from fer.training.batches import Batches
from fer.training.beginning import load_pretrained
from fer.training.checkpoint import Checkpoint
from fer.training.fit import Trained, fit, predict
from fer.training.state import Origin, Progress, Saved
from fer.training.teaching import ConsistentTeacher

TOTAL = HEAD_EPOCHS + EPOCHS
HERE = Origin("c" * 40, 2, "", run_id="abc")


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with tiny_known() as patch:
        patch.setenv("FER_CACHE", "/nonexistent/cache")
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pretrained(tmp_path_factory.mktemp("weights"))


class KeepingCheckpoint(Checkpoint):
    """Leaves a copy of every epoch's checkpoint beside it."""

    def save(self, saved: Saved) -> None:
        super().save(saved)
        shutil.copytree(self.folder, self.folder.with_name(f"epoch-{saved.progress.epochs}"))


@dataclass
class Run:
    """A training of the tiny network, and the folder of its checkpoint."""

    trained: Trained
    folder: Path
    epochs: list[int]

    def checkpoint(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch}"


def run(
    folder: Path,
    weights: Path | None,
    job: Job,
    kind: type[Checkpoint] = Checkpoint,
    on_warning: Callable[[str], None] = lambda message: None,
) -> Run:
    """Train as a process of its own would: Keras counts layer names, which stand in the file, from the start."""
    keras.utils.clear_session()
    epochs: list[int] = []
    checkpoint = kind(folder / "checkpoint")
    trained = fit(dataset(), job, weights, checkpoint, lambda progress: epochs.append(progress.epochs), on_warning)
    trained.model.save_weights(folder / "model.weights.h5")
    return Run(trained, folder, epochs)


@pytest.fixture(scope="module")
def whole(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Nothing interrupted this one."""
    return run(tmp_path_factory.mktemp("whole"), weights, make_job(), KeepingCheckpoint)


def assert_same(first: Run, second: Run) -> None:
    files = [(run.folder / "model.weights.h5").read_bytes() for run in (first, second)]
    assert files[0] == files[1]
    # the best epoch may be an early one, so the last epoch's state is compared as well
    states = [Checkpoint(run.folder / "checkpoint").load() for run in (first, second)]
    assert states[0].progress == states[1].progress == first.trained.progress
    for name in ("model", "optimizer", "best"):
        for a, b in zip(*(getattr(state, name) for state in states), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_training_has_two_phases_and_a_row_for_every_epoch(whole: Run) -> None:
    progress = whole.trained.progress
    assert whole.epochs == [row["epoch"] for row in progress.history] == list(range(1, TOTAL + 1))
    phases = [Checkpoint(whole.checkpoint(n)).load().progress.phase for n in range(1, TOTAL + 1)]
    assert phases == ["head"] * HEAD_EPOCHS + ["all"] * EPOCHS
    assert all(np.isfinite(list(row.values())).all() for row in progress.history)
    assert (whole.trained.weights, whole.trained.preprocessing) == ("faces", "tf")


def test_the_head_phase_leaves_the_backbone_alone(whole: Run, weights: Path) -> None:
    backbone = whole.trained.model.get_layer(NETWORK).get_layer(BACKBONE)
    trained = backbone.get_weights()
    faces = np.asarray(dataset().images[dataset().rows("train")])
    load_pretrained(whole.trained.model, FILE, weights / FILE.name, faces, make_job().seed)
    published = backbone.get_weights()
    backbone.set_weights(trained)
    count = len(published)
    for epoch, frozen in ((HEAD_EPOCHS, True), (HEAD_EPOCHS + 1, False)):
        model = Checkpoint(whole.checkpoint(epoch)).load().model
        unchanged = [
            any(value.shape == weight.shape and (value == weight).all() for value in model) for weight in published
        ]
        assert (sum(unchanged) == count) == frozen


def test_the_best_epoch_is_kept(whole: Run) -> None:
    progress, data = whole.trained.progress, dataset()
    losses = [row["validation.loss"] for row in progress.history]
    assert progress.best_epoch == int(np.argmin(losses)) + 1
    assert progress.best_loss == min(losses)
    rows = data.rows("validation")
    assert accuracy_and_macro_f1(data.labels[rows], predict(whole.trained.model, data.images[rows])) == (
        progress.history[progress.best_epoch - 1]["validation.accuracy"],
        progress.history[progress.best_epoch - 1]["validation.macro_f1"],
    )


def test_predictions_are_probabilities(whole: Run) -> None:
    probabilities = predict(whole.trained.model, dataset().images[:5])
    assert (probabilities.shape, probabilities.dtype) == ((5, len(CLASSES)), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("epoch", [1, HEAD_EPOCHS + 1, TOTAL])
def test_resumed_after_an_epoch_the_weights_are_the_same(whole: Run, weights: Path, tmp_path: Path, epoch: int) -> None:
    """The tests below resume after the others, and begin anew."""
    shutil.copytree(whole.checkpoint(epoch), tmp_path / "checkpoint")
    resumed = run(tmp_path, weights, make_job())
    assert resumed.epochs == list(range(epoch + 1, TOTAL + 1)), "only the epochs that were missing are trained"
    assert_same(resumed, whole)


def test_resumed_ahead_of_the_weights_they_are_the_same(weights: Path, tmp_path: Path) -> None:
    job = make_job(sharpness_radius=0.05)
    whole = run(tmp_path / "whole", weights, job, KeepingCheckpoint)
    shutil.copytree(whole.checkpoint(HEAD_EPOCHS + 2), tmp_path / "resumed/checkpoint")
    assert_same(run(tmp_path / "resumed", weights, job), whole)


def test_interrupted_before_a_checkpoint_is_written(whole: Run, weights: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    for epoch in (1, HEAD_EPOCHS + 1):
        with pytest.raises(KeyboardInterrupt):
            fit(dataset(), make_job(), weights, checkpoint, stop_at(epoch))
        saved = checkpoint.load()
        assert (saved.progress.epochs if saved else 0) == epoch - 1
    assert saved.progress.origin == HERE
    saved.progress.origin = None
    checkpoint.save(saved)
    resumed = run(tmp_path, weights, make_job())
    assert resumed.epochs == list(range(HEAD_EPOCHS + 1, TOTAL + 1)), "only the epochs that were missing are trained"
    assert_same(resumed, whole)


def stop_at(epoch: int) -> Callable[[Progress], None]:
    """Says where it runs, as the stage does, and is interrupted at ``epoch``."""

    def on_epoch(progress: Progress) -> None:
        progress.origin = HERE
        if progress.epochs == epoch:
            raise KeyboardInterrupt

    return on_epoch


@pytest.fixture(scope="module")
def short(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One epoch from random weights, though there is a pretrained file."""
    return run(tmp_path_factory.mktemp("short"), weights, make_job(epochs=1, pretrained="none"))


def test_another_seed_gives_other_weights(whole: Run, short: Run, tmp_path: Path) -> None:
    other = run(tmp_path, None, make_job(4, epochs=1, pretrained="none"))
    assert other.trained.model.count_params() == whole.trained.model.count_params()
    first, second = ((one.folder / "model.weights.h5").read_bytes() for one in (short, other))
    assert first != second


def test_a_resumed_training_keeps_the_weights_it_began_from(whole: Run, tmp_path: Path) -> None:
    """The pretrained file may be gone by then; the checkpoint still has what it gave."""
    shutil.copytree(whole.checkpoint(TOTAL - 1), tmp_path / "checkpoint")
    resumed = run(tmp_path, None, make_job())
    assert resumed.epochs == [TOTAL]
    assert (resumed.trained.weights, resumed.trained.preprocessing) == ("faces", "tf")
    assert_same(resumed, whole)


def test_auto_without_a_file_warns_and_trains_from_random_weights(weights: Path, tmp_path: Path) -> None:
    warnings: list[str] = []
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    short = make_job(epochs=2, pretrained="auto")
    with pytest.raises(KeyboardInterrupt):
        fit(dataset(), short, None, checkpoint, stop_at(2), warnings.append)
    assert len(warnings) == 1
    assert warnings[0].startswith("tiny: training from random weights (pretrained weights tiny_faces.weights.h5")
    assert "\n" not in warnings[0]
    # the file turns up before the training goes on: it stays what it was
    trained = fit(dataset(), short, weights, checkpoint)
    assert (trained.weights, trained.preprocessing, trained.progress.epochs) == ("random", "unit", 2)


def test_none_does_not_look_for_a_file(short: Run) -> None:
    assert (short.trained.weights, short.trained.progress.epochs) == ("random", 1)


def test_required_without_a_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pretrained weights tiny_faces.weights.h5: not in") as caught:
        fit(dataset(), make_job(pretrained="required"), None, Checkpoint(tmp_path / "checkpoint"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "checkpoint").exists()


def test_a_file_of_another_architecture_is_one_line(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)]).save_weights(tmp_path / FILE.name)
    with pytest.raises(UserError, match="not weights of this architecture") as caught:
        fit(dataset(), make_job(pretrained="auto"), tmp_path, Checkpoint(tmp_path / "checkpoint"))
    assert "\n" not in str(caught.value)


def test_a_loss_that_explodes_names_the_architecture_and_leaves_the_last_good_epoch(
    weights: Path, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    explosive = make_job(learning_rate=1e30, warmup_epochs=0)
    with pytest.raises(UserError, match=f"in epoch {HEAD_EPOCHS + 1};.* of epoch {HEAD_EPOCHS} is kept"):
        fit(dataset(), explosive, weights, checkpoint)
    saved = checkpoint.load()
    assert saved.progress.epochs == HEAD_EPOCHS
    assert all(np.isfinite(values).all() for values in itertools.chain(saved.model, saved.best))


def test_an_explosion_in_the_very_last_step_is_seen_too(tmp_path: Path) -> None:
    infinite = make_job(pretrained="none", epochs=1, warmup_epochs=0, batch_size=24, learning_rate=1e39)
    with pytest.raises(UserError, match=r"^tiny: the loss is not finite in epoch 1; lower .* trains it anew$"):
        fit(dataset(), infinite, None, Checkpoint(tmp_path / "checkpoint"))
    assert not (tmp_path / "checkpoint").exists()


def test_weights_that_are_no_longer_finite_are_seen_where_answers_still_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infinite = make_job(pretrained="none", epochs=1, warmup_epochs=0, batch_size=24, learning_rate=1e39)
    monkeypatch.setattr("fer.training.epoch.predict", lambda model, faces: np.full((len(faces), 3), 1 / 3, np.float32))
    with pytest.raises(UserError, match="tiny: the loss is not finite in epoch 1"):
        fit(dataset(), infinite, None, Checkpoint(tmp_path / "checkpoint"))


def test_a_full_disk_in_an_epoch_loses_that_epoch_only(
    whole: Run, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole.checkpoint(HEAD_EPOCHS), tmp_path / "checkpoint")
    checkpoint = Checkpoint(tmp_path / "checkpoint")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left"):
            fit(dataset(), make_job(), weights, checkpoint)
    assert checkpoint.load().progress.epochs == HEAD_EPOCHS


def test_an_unknown_architecture(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown architecture 'tinny'; did you mean tiny"):
        fit(dataset(), replace(make_job(), architecture="tinny"), None, Checkpoint(tmp_path))


def test_a_class_without_images_is_one_line(tmp_path: Path) -> None:
    strange = replace(make_job(), classes=(*CLASSES, "surprise"))
    with pytest.raises(UserError, match=r"^tiny: the train split has no image of surprise; add some, or leave"):
        fit(dataset(), strange, None, Checkpoint(tmp_path))


def test_a_batch_larger_than_the_data_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^tiny: batch_size 25 is larger than the train split of 24 images; lower it"):
        fit(dataset(), make_job(batch_size=25), None, Checkpoint(tmp_path))


def test_a_loss_far_above_guessing_stops_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.training.epoch.DIVERGED", 0.5)
    with pytest.raises(UserError, match=r"^tiny: the loss is \d.*, far above that of guessing, in epoch 1; lower its"):
        fit(dataset(), make_job(pretrained="none"), None, Checkpoint(tmp_path / "checkpoint"))
    assert not (tmp_path / "checkpoint").exists()


def test_the_measured_precision_is_kept_with_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.training.fit.faster_precision", lambda *arguments: "mixed_bfloat16")
    auto = make_job(pretrained="none", precision="auto")
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(KeyboardInterrupt):
        fit(dataset(), auto, None, checkpoint, stop_at(2))
    monkeypatch.setattr("fer.training.fit.faster_precision", lambda *arguments: "float32")
    trained = fit(dataset(), auto, None, checkpoint)
    assert trained.progress.precision == "mixed_bfloat16"
    assert trained.model.get_layer(NETWORK).layers[-1].dtype_policy.name == "float32"


def test_a_measured_precision_trains_as_the_same_precision_asked_for(
    short: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_step_seconds", lambda *arguments: 1.0)
    measured = run(tmp_path, None, make_job(epochs=1, pretrained="none", precision="auto"))
    assert make_job().recipe.precision == measured.trained.progress.precision == "float32"
    files = [(one.folder / "model.weights.h5").read_bytes() for one in (measured, short)]
    assert files[0] == files[1]


def test_a_checkpoint_of_other_code_is_not_gone_on_with(whole: Run, weights: Path, tmp_path: Path) -> None:
    shutil.copytree(whole.checkpoint(TOTAL - 1), tmp_path / "checkpoint")
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    saved = checkpoint.load()
    saved.progress.code = "of another day"
    checkpoint.save(saved)
    warnings: list[str] = []
    again = run(tmp_path, weights, make_job(), on_warning=warnings.append)
    assert again.epochs == list(range(1, TOTAL + 1))
    assert_same(again, whole)
    assert warnings == ["tiny: the code has changed since the checkpoint; the training begins anew"]


def test_statistics_are_estimated_on_a_shuffled_train_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder source holds one class after the other, so its first faces would all be of one."""
    seen: list[np.ndarray] = []
    monkeypatch.setattr("fer.training.epoch.estimate_statistics", lambda model, faces: seen.append(np.asarray(faces)))
    job = make_job(epochs=2, pretrained="none")
    fit(dataset(), job, None, Checkpoint(tmp_path / "checkpoint"))
    faces = np.asarray(dataset().images[dataset().rows("train")])
    labels = dataset().labels[dataset().rows("train")]
    targets = np.eye(3, dtype=np.float32)[labels]
    orders = [Batches(faces, labels, targets, job.recipe, job.seed, epoch, 2).order for epoch in (0, 1)]
    for found, order in zip(seen, orders, strict=True):
        np.testing.assert_array_equal(found, faces[order])


START = Start("tiny on faces", "tf", "d" * 64)


def test_a_training_goes_on_from_a_trained_model_and_may_be_interrupted(whole: Run, tmp_path: Path) -> None:
    """At a rate of nearly nothing it stays what it was, its head too; statistics are measured anew."""
    start = whole.folder / "model.weights.h5"
    job = replace(make_job(seed=4, epochs=2, learning_rate=1e-9, ema_decay=0.0), start=START)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(KeyboardInterrupt):
        fit(dataset(), job, None, checkpoint, stop_at(2), start=start)
    tuned = fit(dataset(), job, None, checkpoint, start=start)
    assert (tuned.weights, tuned.preprocessing, tuned.progress.total) == ("tiny on faces", "tf", 2)
    former, now = (model.get_layer(NETWORK).trainable_weights for model in (whole.trained.model, tuned.model))
    for before, after in zip(former, now, strict=True):
        np.testing.assert_allclose(before, after, atol=1e-6)


@pytest.mark.parametrize("written", [False, True])
def test_what_cannot_be_gone_on_from_is_one_line(tmp_path: Path, written: bool) -> None:
    start = tmp_path / "model.weights.h5"
    if written:
        keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)]).save_weights(start)
    with pytest.raises(UserError, match=r"model.weights.h5: not weights of this network \(.*input_size") as caught:
        fit(dataset(), replace(make_job(), start=START), None, Checkpoint(tmp_path / "checkpoint"), start=start)
    assert "\n" not in str(caught.value)


def test_what_is_learned_is_what_the_targets_say(tmp_path: Path) -> None:
    """Training accuracy is that on the targets: a constant is learned at once, the labels are not."""
    job = make_job(epochs=3, pretrained="none", class_balance="none", learning_rate=0.1, mixup=Mixup(alpha=0, until=1))
    targets = np.tile(np.float32([0, 0, 1]), (len(dataset().rows("train")), 1))
    taught = fit(dataset(), job, None, Checkpoint(tmp_path / "taught"), targets=targets)
    plain = fit(dataset(), job, None, Checkpoint(tmp_path / "plain"))
    assert taught.progress.history[-1]["accuracy"] == 1
    assert plain.progress.history[-1]["accuracy"] < 1


def test_a_teacher_of_every_view_decides_what_is_learned_after_an_interruption_too(tmp_path: Path) -> None:
    """The teacher calls light faces one class and dark ones another, whatever their labels."""
    job = make_job(epochs=2, pretrained="none", mixup=Mixup(alpha=0.4, until=1))

    def predict(views: np.ndarray) -> np.ndarray:
        return np.eye(3, dtype=np.float32)[(views.mean(axis=(1, 2)) > 127).astype(int)]

    def weights_of(name: str, teacher: ConsistentTeacher | None, kind: type[Checkpoint] = Checkpoint) -> np.ndarray:
        trained = fit(dataset(), job, None, kind(tmp_path / name / "checkpoint"), teacher=teacher)
        return np.concatenate([array.ravel() for array in trained.model.get_weights()])

    teacher = ConsistentTeacher(predict, 0.75)
    taught = weights_of("taught", teacher, KeepingCheckpoint)
    assert (taught != weights_of("plain", None)).any()
    assert (taught != weights_of("less", ConsistentTeacher(predict, 0.25))).any()
    (tmp_path / "again").mkdir()
    (tmp_path / "taught/epoch-1").rename(tmp_path / "again/checkpoint")
    np.testing.assert_array_equal(weights_of("again", teacher), taught)
