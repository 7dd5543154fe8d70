"""What ``rollback`` and ``promote --accept`` refuse, on a real registry; the whole way is in tests/pipeline."""

import shutil
from pathlib import Path

import pytest
from face_datasets import small_dataset
from mlflow_stores import settings_of
from trained_models import PARAMS, write_trained

from fer.delivery.champion import undisturbed, write_champion
from fer.delivery.promotion import card_of
from fer.delivery.registry import Registry
from fer.errors import UserError
from fer.params import Promote, load_params
from fer.store import Store
from fer.tracking import Tracker
from pipelines import paths
from pipelines.packaged import is_written
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


def test_a_champion_that_changed_while_candidates_were_measured_is_not_overruled(registry, tmp_path):
    second, first = registry.champion(), registry.previous()
    lock = tmp_path / "lock"
    with undisturbed(lock, registry, second):
        pass
    registry.take_back(first)
    with (
        pytest.raises(UserError, match="changed while the candidates were measured"),
        undisturbed(lock, registry, second),
    ):
        raise AssertionError
    with undisturbed(lock, registry, first):
        pass


def test_files_that_are_not_the_champions_are_noticed(registry, tmp_path):
    champion = registry.champion()
    assert is_written(champion.card)
    assert not is_written(registry.previous().card)
    (paths.CHAMPION / "model.onnx").write_bytes(b"damaged")
    assert not is_written(champion.card)
    shutil.rmtree(paths.CHAMPION)
    assert not is_written(champion.card)
