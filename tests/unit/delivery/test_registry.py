import json
from dataclasses import asdict, replace
from pathlib import Path

import mlflow
import pytest
import requests
from face_datasets import small_dataset
from mlflow_stores import make_store, settings_of
from trained_models import write_trained

from fer.delivery.promotion import card_of
from fer.delivery.registry import Registry
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.params import Promote
from fer.tracking import Tracker

DATASET = small_dataset(train=2, held_out=2)
SETTINGS = Promote(min_class_f1=0.0, min_skill=0.0, parity=0.001, certain_precision=0.5)


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return Tracker(settings_of(tmp_path / "state", make_store(tmp_path)))


def crowned(tracker: Tracker, folder: ModelFolder) -> str:
    return Registry(tracker.store).crown(tracker.ensure_run(folder, DATASET), card_of(folder, SETTINGS, DATASET))


def aliases(tracker: Tracker) -> dict[str, str]:
    found = tracker.client.get_registered_model("fer-classifier").aliases
    return {name: str(version) for name, version in found.items()}


def test_the_registry_keeps_champion_and_previous_their_cards_and_files(tracker, tmp_path):
    registry = Registry(tracker.store)
    assert registry.champion() is None
    assert not registry.has_champion()
    one, two = write_trained(tmp_path, DATASET), write_trained(tmp_path, DATASET, "resnet50", seed=1)
    first = crowned(tracker, one)
    assert registry.champion().card == card_of(one, SETTINGS, DATASET)
    assert aliases(tracker) == {"champion": first}
    second = crowned(tracker, two)
    champion = registry.champion()
    assert (champion.version, champion.card) == (second, card_of(two, SETTINGS, DATASET))
    assert aliases(tracker) == {"champion": second, "previous": first}
    with registry.model(champion) as model:
        assert model.read_bytes() == two.onnx.read_bytes()
    assert not model.exists()


def test_the_versions_page_is_the_card_for_people(tracker, tmp_path):
    folder = write_trained(tmp_path, DATASET)
    version = tracker.client.get_model_version("fer-classifier", crowned(tracker, folder))
    assert "**baseline**, trained on **small faces**" in version.description
    figures = [folder.metrics[f"{split}.f1.happy"] for split in ("validation", "test")]
    assert f"| F1 happy | {figures[0]:.3f} | {figures[1]:.3f} |" in version.description
    assert "{" not in version.description
    assert set(version.tags) == {"architecture", "dataset", "fingerprint", "model_sha256"}

    registry = Registry(tracker.store)
    changed = replace(card_of(folder, SETTINGS, DATASET), thresholds={"happy": 0.77})
    registry.describe(registry.champion(), changed)
    assert registry.champion().card == changed
    assert "happy 0.77" in tracker.client.get_model_version("fer-classifier", version.version).description


def lose_the_card(run: Path) -> None:
    (run / "card.json").unlink()


def cut_the_card(run: Path) -> None:
    (run / "card.json").write_text('{"architecture":')


def test_a_champion_whose_files_are_lost_or_damaged_is_one_line(tracker, tmp_path):
    registry = Registry(tracker.store)
    crowned(tracker, write_trained(tmp_path, DATASET))
    champion = registry.champion()
    (card,) = (tmp_path / "state").rglob("card.json")
    whole = card.read_text()
    for harm in (lose_the_card, cut_the_card):
        harm(card.parent)
        with pytest.raises(
            UserError, match=r"fer-classifier version 1: card\.json of its run .* cannot be read"
        ) as caught:
            registry.champion()
        assert "\n" not in str(caught.value)
    card.write_text(whole)
    (model,) = (tmp_path / "state").rglob("*.onnx")
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="not the one that its card describes"), registry.model(champion):
        pass


def test_a_champion_whose_card_is_a_tag_reigns_on_and_gets_its_file(tracker, tmp_path):
    """Before the card became a file of the run it was the version's tag ``card``."""
    registry, folder = Registry(tracker.store), write_trained(tmp_path, DATASET)
    card = card_of(folder, SETTINGS, DATASET)
    run_id = tracker.ensure_run(folder, DATASET)
    (model,) = tracker.client.search_logged_models([tracker.store.experiment_id])
    tracker.client.create_registered_model("fer-classifier")
    tags = {"validation.macro_f1": "0.5", "architecture": folder.name, "card": json.dumps(asdict(card))}
    version = tracker.client.create_model_version(
        "fer-classifier", source=model.model_uri, run_id=run_id, tags=tags, model_id=model.model_id
    ).version
    tracker.client.set_registered_model_alias("fer-classifier", "champion", version)
    champion = registry.champion()
    assert champion.card == card
    with registry.model(champion) as file:
        assert file.read_bytes() == folder.onnx.read_bytes()

    changed = replace(card, thresholds={"happy": 0.77})
    registry.describe(champion, changed)
    assert registry.champion().card == changed


WRITES = [
    "create_registered_model",
    "create_model_version",
    "log_dict",
    "update_model_version",
    "set_model_version_tag",
    "set_registered_model_alias",
]


@pytest.fixture
def two_models(tracker: Tracker, tmp_path: Path) -> tuple[ModelFolder, ModelFolder]:
    one, two = write_trained(tmp_path, DATASET), write_trained(tmp_path, DATASET, "resnet50", seed=1)
    for folder in (one, two):
        tracker.ensure_run(folder, DATASET)
    return one, two


def test_a_crowning_that_was_cut_off_anywhere_can_be_made_again(tracker, two_models, monkeypatch):
    one, two = two_models
    first = crowned(tracker, one)
    written = 0
    while True:
        written += 1
        with monkeypatch.context() as patch:
            lose_the_answer(patch, written)
            try:
                crowned(tracker, two)
                break
            except UserError:
                pass
        second = crowned(tracker, two)
        assert aliases(tracker) == {"champion": second, "previous": first}, written
        assert len(tracker.client.search_model_versions("name = 'fer-classifier'")) == 2, written
        assert crowned(tracker, one) == first
        assert aliases(tracker) == {"champion": first, "previous": second}, written
        tracker.client.delete_registered_model_alias("fer-classifier", "previous")
        tracker.client.delete_model_version("fer-classifier", second)
    assert written > len(WRITES)


def lose_the_answer(patch: pytest.MonkeyPatch, nth: int) -> None:
    """The store does what the nth writing call asks, and the connection breaks before it answers."""
    calls = []

    def losing(write):
        def call(*args, **kwargs):
            answer = write(*args, **kwargs)
            calls.append(write)
            if len(calls) == nth:
                raise requests.ConnectionError("connection reset by peer")
            return answer

        return call

    for name in WRITES:
        patch.setattr(mlflow.MlflowClient, name, losing(getattr(mlflow.MlflowClient, name)))
