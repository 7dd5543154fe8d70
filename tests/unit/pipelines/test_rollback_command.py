"""What ``rollback`` and ``promote --accept`` refuse, on a real registry; the whole way is in tests/pipeline."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import pytest
from face_datasets import small_dataset
from filelock import FileLock
from mlflow_stores import settings_of, without_figures
from trained_models import PARAMS, write_trained

from fer.delivery.champion import undisturbed, write_champion
from fer.delivery.promotion import card_of
from fer.delivery.registry import Registry
from fer.errors import UserError
from fer.inference.classifier import Card
from fer.params import load_params
from fer.sections import Promote
from fer.store import Store
from fer.tracking import Tracker
from pipelines import paths
from pipelines.packaged import is_written
from pipelines.promote import dismiss
from pipelines.rebuild import rebuild
from pipelines.rollback import accept, rollback

DATASET = small_dataset(train=2, held_out=2)
SETTINGS = Promote(min_class_f1=0.0, min_skill=0.0, parity=0.001, certain_precision=0.5)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """One in which two models were champion, the second now."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")
        without_figures(patch)
        shutil.copy(PARAMS, folder / "params.yaml")
        tracker = Tracker(settings_of(folder / "state", empty_store))
        for seed in (1, 2):
            trained = write_trained(folder / str(seed), DATASET, seed=seed)
            card = card_of(trained, SETTINGS, DATASET)
            Registry(tracker.store).promote(tracker.ensure_run(trained, DATASET), card)
            write_champion(folder / paths.CHAMPION, trained.onnx, card)
    return folder


@pytest.fixture
def registry(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """That of a copy of the project, which is the current folder."""
    # By its whole path: MLflow keeps a store open by its address, and a relative one would be that of another test.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'state' / 'mlflow.db'}")
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Registry(Store(load_params().tracking))


def test_a_version_whose_model_is_lost_or_damaged_changes_nothing(registry, tmp_path):
    former = registry.previous()
    before = (paths.CHAMPION / "model.onnx").read_bytes()
    for model in (tmp_path / "state").rglob("*.onnx"):
        if model.read_bytes() != before:
            model.write_bytes(before[:-1] + b"x")
    for command in (lambda: rollback(None), lambda: rollback("1"), lambda: accept("1")):
        with pytest.raises(UserError, match=r"holds no model, or not the one that its card describes") as caught:
            command()
        assert "\n" not in str(caught.value)
    assert (registry.champion().version, registry.previous()) == ("2", former)
    assert registry.taken_back() == []
    assert (paths.CHAMPION / "model.onnx").read_bytes() == before


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (lambda: rollback("7"), r"^fer-classifier: no version 7; there are: 1, 2$"),
        (lambda: accept("7"), r"^fer-classifier: no version 7; there are: 1, 2$"),
        (lambda: accept(None), r"^promote: no challenger waits; name a version"),
        (lambda: rebuild("7", train=False), r"^fer-classifier: no version 7; there are: 1, 2$"),
        (lambda: rebuild("1", train=False), r"^rebuild: version 1 was registered without its Git commit and dvc\.lock"),
    ],
)
def test_a_mistake_is_one_line(registry, command, words):
    with pytest.raises(UserError, match=words):
        command()
    assert registry.champion().version == "2"


def test_of_two_rollbacks_at_once_the_second_takes_nothing_back(registry, monkeypatch):
    """The defect: two people at the same moment went back two versions."""
    monkeypatch.setattr("pipelines.rollback._pack", lambda *_: None)
    reader = Registry.previous

    def slow(self):
        """Between this reading and the lock another one goes back."""
        found = reader(self)
        monkeypatch.setattr(Registry, "previous", reader)
        rollback(None)
        return found

    monkeypatch.setattr(Registry, "previous", slow)
    with pytest.raises(UserError, match=r"^rollback: the champion was changed meanwhile; run again") as caught:
        rollback(None)
    assert "\n" not in str(caught.value)
    assert (registry.champion().version, [version.version for version in registry.taken_back()]) == ("1", ["2"])


class Killed(BaseException):
    """What nothing catches."""


@pytest.mark.parametrize("write", ["set_registered_model_alias", "set_model_version_tag", "written"])
def test_a_rollback_that_was_killed_is_finished_by_the_same_command(registry, monkeypatch, write):
    """The defect: killed between registry and files, the second one went back by one more version."""
    monkeypatch.setattr("pipelines.rollback._pack", lambda *_: None)
    registry.accept(registry.find("1"))
    registry.accept(registry.find("2"))
    (first,) = {registry.previous().card.model_sha256}

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        if write == "written":
            patch.setattr("pipelines.rollback.write_champion", killed)
        else:
            patch.setattr(mlflow.MlflowClient, write, killed)
        with pytest.raises(Killed):
            rollback(None)
    rollback(None)
    assert registry.champion().version == "1"
    assert [version.version for version in registry.taken_back()] == ["2"]
    assert Card.load(paths.CHAMPION).network_sha256 == first


def test_an_accept_that_was_killed_is_finished_by_the_same_command(registry, monkeypatch):
    """The defect: "no challenger waits", and the service kept the former model."""
    monkeypatch.setattr("pipelines.rollback._pack", lambda *_: None)
    waiting = registry.previous()
    registry.challenge(waiting.run_id, waiting.card)

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.rollback.write_champion", killed)
        with pytest.raises(Killed):
            accept(None)
    accept(None)
    assert registry.champion().version == "1"
    assert Card.load(paths.CHAMPION).network_sha256 == waiting.card.model_sha256


def test_a_champion_whose_files_are_lost_is_taken_back_all_the_same(registry, tmp_path, monkeypatch):
    """The defects: it had to be readable, and without its alias "name a version" was the answer to a named one."""
    monkeypatch.setattr("pipelines.rollback._pack", lambda *_: None)
    (card,) = (tmp_path / "state").rglob(f"{registry.champion().run_id}/artifacts/card.json")
    kept = card.read_text()
    card.unlink()
    rollback(None)
    assert registry.champion_version() == "1"
    card.write_text(kept)
    mlflow.MlflowClient().delete_registered_model_alias("fer-classifier", "champion")
    with pytest.raises(UserError, match=r"^rollback: there is no champion yet; name a version"):
        rollback(None)
    rollback("2")
    assert registry.champion_version() == "2"


def test_who_was_accepted_waits_no_more(registry, monkeypatch):
    monkeypatch.setattr("pipelines.rollback._pack", lambda *_: None)
    waiting = registry.previous()
    registry.challenge(waiting.run_id, waiting.card)
    shutil.copytree(paths.CHAMPION, paths.CHALLENGER)
    accept(None)
    assert not paths.CHALLENGER.exists()


def test_a_bento_that_cannot_be_packed_is_no_rollback_to_repeat(registry, monkeypatch):
    """The defect: who repeated the command, as docs/operations.md said, went back by one more version."""

    def full():
        raise UserError("bentofile.yaml: BentoML cannot build it: no space left on device")

    monkeypatch.setattr("pipelines.rollback.pack", full)
    with pytest.raises(UserError, match=r"no space left on device; version 1 is champion and served") as caught:
        rollback(None)
    assert "make run packs it" in str(caught.value)
    assert registry.champion().version == "1"


def test_a_champion_that_changed_while_candidates_were_measured_is_not_overruled(registry, tmp_path):
    second, first = registry.champion(), registry.previous()
    lock = tmp_path / "lock"
    with undisturbed(lock, registry, second.version, "promote"):
        pass
    registry.take_back(first)
    with (
        pytest.raises(UserError, match=r"^promote: the champion was changed meanwhile; run again$"),
        undisturbed(lock, registry, second.version, "promote"),
    ):
        raise AssertionError
    with undisturbed(lock, registry, first.version, "promote"):
        pass


def test_a_challenger_is_sent_away_by_whoever_holds_the_champion_and_no_other(registry):
    """The defect: a promotion took it away while a person's rollback or --accept was at work, or after it."""
    champion, former = registry.champion(), registry.previous()
    registry.challenge(former.run_id, former.card)
    shutil.copytree(paths.CHAMPION, paths.CHALLENGER)
    tracker = Tracker(load_params().tracking)
    with ThreadPoolExecutor(1) as pool:
        with FileLock(paths.CHAMPION_LOCK):
            promotion = pool.submit(dismiss.fn, tracker, champion)
            time.sleep(0.5)
            assert not promotion.done()
            assert registry.challenger() == former
            registry.take_back(former)
        with pytest.raises(UserError, match=r"^promote: the champion was changed meanwhile; run again$"):
            promotion.result(timeout=60)
    assert paths.CHALLENGER.exists()
    dismiss.fn(tracker, registry.champion())
    assert registry.challenger() is None
    assert not paths.CHALLENGER.exists()


def test_files_that_are_not_the_champions_are_noticed(registry, tmp_path):
    champion = registry.champion()
    assert is_written(champion.card)
    assert not is_written(registry.previous().card)
    (paths.CHAMPION / "model.onnx").write_bytes(b"damaged")
    assert not is_written(champion.card)
    shutil.rmtree(paths.CHAMPION)
    assert not is_written(champion.card)
