import json
from dataclasses import asdict, replace
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import requests
from face_datasets import small_dataset
from mlflow_stores import settings_of, without_figures
from trained_models import write_trained

from fer.delivery.data_changes import rows_of
from fer.delivery.data_drift import facts_of
from fer.delivery.promotion import card_of
from fer.delivery.quantization import quantize_model, quantized_card
from fer.delivery.registry import Registry
from fer.delivery.version_files import Papers
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import Card
from fer.sections import Promote
from fer.tracking import Tracker

DATASET = small_dataset(train=2, held_out=2)
SETTINGS = Promote(min_class_f1=0.0, min_skill=0.0, parity=0.001, certain_precision=0.5)


@pytest.fixture
def tracker(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    without_figures(monkeypatch)
    return Tracker(settings_of(tmp_path / "state", empty_store))


def promoted(tracker: Tracker, folder: ModelFolder) -> str:
    return Registry(tracker.store).promote(tracker.ensure_run(folder, DATASET), card_of(folder, SETTINGS, DATASET))


def aliases(tracker: Tracker) -> dict[str, str]:
    found = tracker.client.get_registered_model("fer-classifier").aliases
    return {name: str(version) for name, version in found.items()}


def test_the_registry_keeps_champion_and_previous_their_cards_and_files(tracker, tmp_path):
    registry = Registry(tracker.store)
    assert registry.champion() is None
    assert registry.champion_version() is None
    one, two = write_trained(tmp_path, DATASET), write_trained(tmp_path, DATASET, "resnet50", seed=1)
    first = promoted(tracker, one)
    assert registry.champion().card == card_of(one, SETTINGS, DATASET)
    assert aliases(tracker) == {"champion": first}
    second = promoted(tracker, two)
    champion = registry.champion()
    assert (champion.version, champion.card) == (second, card_of(two, SETTINGS, DATASET))
    assert aliases(tracker) == {"champion": second, "previous": first}
    with registry.model(champion) as model:
        assert model.read_bytes() == two.onnx.read_bytes()
    assert not model.exists()


def test_a_version_keeps_its_model_in_int8(tracker, tmp_path):
    registry, folder = Registry(tracker.store), write_trained(tmp_path, DATASET)
    promoted(tracker, folder)
    champion = registry.champion()
    with registry.quantized(champion) as nothing:
        assert nothing is None
    made = tmp_path / "int8"
    made.mkdir()
    result = quantize_model(folder, folder.onnx, DATASET, made / "model.onnx")
    quantized_card(champion.card, result, made, SETTINGS).save(made)
    registry.keep_quantized(champion.run_id, made)
    with registry.quantized(champion) as kept:
        assert (kept / "model.onnx").read_bytes() == (made / "model.onnx").read_bytes()
        assert Card.load(kept).network_sha256 == folder.run.model_sha256
    assert not kept.exists()
    other = replace(champion, card=replace(champion.card, model_sha256="0" * 64))
    with pytest.raises(UserError, match="was made of another network than version 1"), registry.quantized(other):
        pass


def test_the_versions_page_is_the_card_for_people(tracker, tmp_path):
    folder = write_trained(tmp_path, DATASET)
    version = tracker.client.get_model_version("fer-classifier", promoted(tracker, folder))
    assert "**baseline**, trained on **small faces**" in version.description
    figures = [folder.metrics[f"{split}.f1.happy"] for split in ("validation", "test")]
    assert f"| F1 happy | {figures[0]:.3f} | {figures[1]:.3f} |" in version.description
    assert "{" not in version.description
    assert set(version.tags) == {
        "architecture",
        "dataset",
        "fingerprint",
        "model_sha256",
        "corrections",
        "arithmetic",
        "champion_since",
    }

    registry = Registry(tracker.store)
    changed = replace(card_of(folder, SETTINGS, DATASET), thresholds={"happy": 0.77})
    registry.describe(registry.champion(), changed)
    assert registry.champion().card == changed
    assert "happy 0.77" in tracker.client.get_model_version("fer-classifier", version.version).description


def test_a_challenger_waits_beside_the_champion_until_it_is_accepted(tracker, tmp_path):
    registry = Registry(tracker.store)
    one, two = write_trained(tmp_path, DATASET), write_trained(tmp_path, DATASET, "resnet50", seed=1)
    first = promoted(tracker, one)
    texts = {"dvc.lock": "{}"}
    papers = Papers({"size": "passed: small"}, facts_of(DATASET), texts, {"git_commit": "0123abcd"}, rows_of(DATASET))
    second = registry.challenge(tracker.ensure_run(two, DATASET), card_of(two, SETTINGS, DATASET), papers)
    assert aliases(tracker) == {"champion": first, "challenger": second}
    waiting = registry.challenger()
    assert (waiting.version, waiting.card.architecture) == (second, "resnet50")
    assert registry.data_of(waiting) == facts_of(DATASET)
    assert registry.origin_of(waiting) == texts
    pd.testing.assert_frame_equal(registry.rows_of(waiting), rows_of(DATASET))
    assert registry.data_of(registry.champion()) is None, "registered before that was kept"
    page = tracker.client.get_model_version("fer-classifier", second).description
    assert "| size | passed: small |" in page
    assert "Git commit `0123abcd`" in page
    assert waiting.run_id in page
    registry.describe(waiting, replace(waiting.card, thresholds={"happy": 0.5}))
    assert "| size | passed: small |" in tracker.client.get_model_version("fer-classifier", second).description

    registry.accept(waiting)
    assert aliases(tracker) == {"champion": second, "previous": first}
    assert registry.challenger() is None
    registry.drop_challenger()
    third = registry.challenge(waiting.run_id, waiting.card)
    assert third == second, "a run has one version"
    registry.drop_challenger()
    assert aliases(tracker) == {"champion": second, "previous": first}


def test_what_is_taken_back_is_remembered_until_a_person_wants_it_again(tracker, tmp_path):
    registry = Registry(tracker.store)
    folders = [write_trained(tmp_path / str(seed), DATASET, seed=seed) for seed in range(3)]
    first, second, third = [promoted(tracker, folder) for folder in folders]
    assert registry.taken_back() == []
    assert registry.take_back(registry.previous()) == third
    assert aliases(tracker) == {"champion": second, "previous": first}
    (gone,) = registry.taken_back()
    assert (gone.version, gone.card.model_sha256) == (third, folders[2].run.model_sha256)
    assert gone.tags["taken_back"].endswith("UTC")
    assert registry.take_back(registry.previous()) == second
    assert aliases(tracker) == {"champion": first}, "nothing good is left below the first"
    assert [version.version for version in registry.taken_back()] == [third, second]
    assert registry.take_back(registry.find(first)) is None, "it is the champion already"

    registry.accept(registry.find(third))
    assert aliases(tracker) == {"champion": third, "previous": first}
    assert [version.version for version in registry.taken_back()] == [second]
    with pytest.raises(UserError, match=r"^fer-classifier: no version 9; there are: 1, 2, 3$"):
        registry.find("9")


def lose_the_card(run: Path) -> None:
    (run / "card.json").unlink()


def cut_the_card(run: Path) -> None:
    (run / "card.json").write_text('{"architecture":')


def test_a_champion_whose_files_are_lost_or_damaged_is_one_line(tracker, tmp_path):
    registry = Registry(tracker.store)
    promoted(tracker, write_trained(tmp_path, DATASET))
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


def test_papers_that_are_damaged_are_one_line_and_not_papers_that_were_never_kept(tracker, tmp_path):
    """The defect: without data.json the gate of the data's drift was passed over; a cut gates.json was a traceback."""
    registry, folder = Registry(tracker.store), write_trained(tmp_path, DATASET)
    papers = Papers({"size": "passed: small"}, facts_of(DATASET), rows=rows_of(DATASET))
    registry.promote(tracker.ensure_run(folder, DATASET), card_of(folder, SETTINGS, DATASET), papers)
    champion = registry.champion()

    def describe(version):
        return registry.describe(version, version.card)

    reads = {"data.json": registry.data_of, "data_rows.csv": registry.rows_of, "gates.json": describe}
    for name, read in reads.items():
        (file,) = (tmp_path / "state").rglob(name)
        whole = file.read_text()
        words = rf"^MLflow: {name} of run {champion.run_id} is damaged; restore the run's files, or delete that one$"
        for content in ("{", "[1]", '"x"'):
            file.write_text(content)
            with pytest.raises(UserError, match=words):
                read(champion)
        file.unlink()
        assert read(champion) is None
        describe(champion)
        file.write_text(whole)


def test_a_champion_whose_card_is_a_tag_stays_and_gets_its_file(tracker, tmp_path):
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


def test_a_promotion_that_was_cut_off_anywhere_can_be_made_again(tracker, two_models, monkeypatch):
    one, two = two_models
    first = promoted(tracker, one)
    written = 0
    while True:
        written += 1
        with monkeypatch.context() as patch:
            lose_the_answer(patch, written)
            try:
                promoted(tracker, two)
                break
            except UserError:
                pass
        second = promoted(tracker, two)
        assert aliases(tracker) == {"champion": second, "previous": first}, written
        assert len(tracker.client.search_model_versions("name = 'fer-classifier'")) == 2, written
        assert promoted(tracker, one) == first
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
