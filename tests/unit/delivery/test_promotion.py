import hashlib
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from face_datasets import small_dataset, with_images
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow_stores import make_store, settings_of
from trained_models import write_trained

from fer.delivery.gates import Candidate, Rival
from fer.delivery.promotion import (
    Decision,
    candidate_of,
    card_of,
    decide,
    refusals,
    rival_of,
    write_champion,
)
from fer.delivery.registry import Registry
from fer.evaluation.abstention import thresholds_of
from fer.evaluation.metrics import evaluate
from fer.evaluation.predictions import SCORE
from fer.inference.classifier import Card, Classifier
from fer.inference.runtime import onnx_predict
from fer.params import Promote
from fer.tracking import Tracker

CLASSES = ("happy", "sad")
DATASET = small_dataset(train=1, held_out=2)
SETTINGS = Promote(min_class_f1=0.3, min_skill=0.0, parity=0.001, certain_precision=0.5)
SHARE = st.floats(0, 1)


def model(name: str, score: float, f1: tuple[float, float] = (0.9, 0.9), parity: float = 1e-6) -> Candidate:
    metrics = {SCORE: score, "validation.f1.happy": f1[0], "validation.f1.sad": f1[1]}
    metrics |= dict.fromkeys(("test.macro_f1", "test.f1.happy", "test.f1.sad", "test.accuracy"), 1 - score)
    return Candidate(name, CLASSES, metrics, name, parity)


def reign(score: float) -> Rival:
    return Rival("champion vgg16 (version 1)", score, "vgg16")


def choose(models: list[Candidate], rival: Rival | None = None) -> Decision:
    return decide(models, SETTINGS, rival)


def test_the_best_by_validation_is_the_first_champion_whatever_test_says():
    decision = choose([model("a", 0.5), model("b", 0.8), model("c", 0.7)])
    assert decision.champion == "b"
    assert decision.reason == "b with validation macro-F1 0.8000, no champion to beat"


def test_a_model_that_fails_a_gate_leaves_the_place_to_the_next():
    assert choose([model("a", 0.5), model("b", 0.8, f1=(1.0, 0.29))]).champion == "a"
    assert choose([model("a", 0.5), model("b", 0.8, parity=0.0011)]).champion == "a"


def test_where_none_qualifies_each_model_is_told_its_gate_and_by_how_much():
    decision = choose([model("a", 0.5, f1=(0.9, 0.1)), model("b", 0.8, parity=1.0)])
    assert decision.champion is None
    assert refusals(decision) == [
        "b refused: onnx parity (difference from Keras 1, needs 0.001: 0.999 over)",
        "a refused: every class (validation F1 of sad 0.1, needs 0.3: 0.2 short)",
    ]


def test_a_network_at_chance_is_no_champion():
    settings = SETTINGS.model_copy(update={"min_class_f1": 0.0, "min_skill": 0.2})
    decision = decide([model("a", 0.55)], settings, None)
    assert decision.champion is None
    assert refusals(decision) == ["a refused: above chance (validation macro-F1 0.55, needs 0.6: 0.05 short)"]


def test_the_reigning_champion_gives_way_only_to_a_better_score():
    assert choose([model("a", 0.8)], reign(0.79)).champion == "a"
    assert choose([model("a", 0.8)], reign(0.81)).champion is None
    tie = choose([model("a", 0.8)], reign(0.8))
    assert tie.champion is None
    assert tie.reason == "champion vgg16 (version 1) stays with 0.8000; no candidate passes every gate"


def test_the_champion_itself_is_no_candidate_and_is_not_refused():
    decision = choose([model("vgg16", 0.8), model("a", 0.7)], reign(0.8))
    assert list(decision.gates) == ["a"]


def test_a_tie_goes_to_the_one_that_comes_first():
    assert choose([model("b", 0.8), model("a", 0.8)]).champion == "b"
    assert choose([model("a", 0.8), model("b", 0.8)]).champion == "a"


tables = st.lists(st.tuples(SHARE, SHARE, SHARE, st.floats(0, 0.002)), min_size=1, max_size=6)


@settings(max_examples=50)
@given(tables, st.none() | SHARE, st.data())
def test_test_figures_never_matter(rows, score, data):
    models = [model(f"m{n}", macro, (happy, sad), parity) for n, (macro, happy, sad, parity) in enumerate(rows)]
    rival = None if score is None else reign(score)
    changed = [
        replace(
            one,
            metrics={
                name: data.draw(SHARE) if name.startswith("test.") else value for name, value in one.metrics.items()
            },
        )
        for one in models
    ]
    assert choose(changed, rival) == choose(models, rival)


@settings(max_examples=50)
@given(tables, st.none() | SHARE)
def test_a_new_champion_qualifies_is_the_best_that_does_and_beats_the_reigning_one(rows, score):
    models = [model(f"m{n}", macro, (happy, sad), parity) for n, (macro, happy, sad, parity) in enumerate(rows)]
    decision = choose(models, None if score is None else reign(score))
    fit = {f"m{n}": m for n, (m, happy, sad, parity) in enumerate(rows) if min(happy, sad) >= 0.3 and parity <= 0.001}
    if decision.champion is None:
        assert not fit or (score is not None and max(fit.values()) <= score)
    else:
        assert fit[decision.champion] == max(fit.values())
        assert score is None or fit[decision.champion] > score


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("store"))


def test_a_champion_of_other_data_is_measured_on_the_new_and_a_worse_model_does_not_replace_it(
    tmp_path, store, monkeypatch
):
    """The defect: 0.026 replaced 0.535, since "scores on different data cannot be compared"."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    former = small_dataset(train=2, held_out=4)
    tracker = Tracker(settings_of(tmp_path / "state", store))
    registry = Registry(tracker.store)
    folder = write_trained(tmp_path / "former", former)
    registry.crown(tracker.ensure_run(folder, former), card_of(folder, SETTINGS, former))

    flipped = {row: former.images[row][:, ::-1].copy() for row in range(len(former.table))}
    new = with_images(former, flipped)
    assert new.fingerprint != former.fingerprint
    rows = new.rows("validation")
    measured = evaluate(new.labels[rows], onnx_predict(folder.onnx, new.images[rows]), new.classes)["macro_f1"]
    reigning = registry.champion()
    rival = rival_of(registry, reigning, new)
    assert rival.score == pytest.approx(measured)
    assert rival.score != pytest.approx(folder.metrics[SCORE])
    assert "trained on small faces" in rival.name
    floors = SETTINGS.model_copy(update={"min_class_f1": 0.0})
    worse = replace(candidate_of(folder), name="worse", metrics=folder.metrics | {SCORE: measured}, model_sha256="w")
    assert decide([worse], floors, rival).champion is None
    better = replace(worse, metrics=worse.metrics | {SCORE: measured + 0.01})
    assert decide([better], floors, rival).champion == "worse"

    assert rival_of(registry, reigning, former).score == folder.metrics[SCORE], "on the same data: no digit is lost"
    bare = replace(reigning, card=replace(reigning.card, metrics={}))
    assert rival_of(registry, bare, former).score == pytest.approx(folder.metrics[SCORE]), "the card lacks the score"
    five = small_dataset(train=1, held_out=1, classes=("angry", "happy", "sad", "surprise", "neutral"))
    assert rival_of(registry, reigning, five) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_trained(tmp_path_factory.mktemp("models"), DATASET)


def test_the_champions_files_are_what_the_service_reads(folder, tmp_path):
    card = card_of(folder, SETTINGS, DATASET)
    write_champion(tmp_path / "champion", folder.onnx, card)
    assert Card.load(tmp_path / "champion") == card
    assert asdict(card)["metrics"] == folder.metrics
    assert card.thresholds == thresholds_of(folder.predictions, folder.classes, 0.5)
    assert card.dataset == "small faces"
    assert {path.name for path in (tmp_path / "champion").iterdir()} == {"model.onnx", "card.json"}
    assert Classifier(tmp_path / "champion").card == card
    digest = hashlib.sha256((tmp_path / "champion" / "model.onnx").read_bytes()).hexdigest()
    assert digest == card.model_sha256


def test_a_champion_that_cannot_be_written_leaves_the_former(folder, tmp_path):
    write_champion(tmp_path / "champion", folder.onnx, card_of(folder, SETTINGS, DATASET))
    with pytest.raises(FileNotFoundError):
        write_champion(tmp_path / "champion", tmp_path / "nothing.onnx", card_of(folder, SETTINGS, DATASET))
    assert Card.load(tmp_path / "champion") == card_of(folder, SETTINGS, DATASET)
