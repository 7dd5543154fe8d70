import hashlib
from dataclasses import asdict

import pandas as pd
import pytest
from face_datasets import small_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from trained_models import write_trained

from fer.delivery.promotion import Decision, card_of, decide, write_champion
from fer.evaluation.abstention import thresholds_of
from fer.evaluation.predictions import SCORE
from fer.inference.classifier import Card, Classifier
from fer.params import Promote

CLASSES = ("happy", "sad")
SETTINGS = Promote(min_class_f1=0.3, parity=0.001, certain_precision=0.5)
SHARE = st.floats(0, 1)


def row(architecture: str, score: float, f1: tuple[float, float] = (0.9, 0.9), **changes: object) -> dict[str, object]:
    content: dict[str, object] = {
        "model": architecture,
        "title": architecture.title(),
        "fingerprint": "same",
        "parity": 1e-6,
        SCORE: score,
        "validation.f1.happy": f1[0],
        "validation.f1.sad": f1[1],
        "test.macro_f1": 1 - score,
        "test.f1.happy": 1 - score,
        "test.f1.sad": 1 - score,
        "test.accuracy": 1 - score,
    }
    return content | changes


def choose(rows: list[dict[str, object]], reigning: dict[str, str] | None = None) -> Decision:
    return decide(pd.DataFrame(rows), CLASSES, SETTINGS, reigning)


def reign(score: float, fingerprint: str = "same") -> dict[str, str]:
    return {
        "architecture": "vgg16",
        "fingerprint": fingerprint,
        SCORE: repr(score),
        "model_sha256": "0",
        "version": "1",
    }


def test_the_best_by_validation_is_the_first_champion_whatever_test_says():
    assert choose([row("a", 0.5), row("b", 0.8), row("c", 0.7)]).champion == "b"


def test_a_class_below_the_floor_disqualifies():
    assert choose([row("a", 0.5), row("b", 0.8, f1=(1.0, 0.29))]).champion == "a"
    assert choose([row("a", 0.5), row("b", 0.8, f1=(1.0, 0.3))]).champion == "b"


def test_a_model_whose_onnx_file_answers_otherwise_is_out():
    assert choose([row("a", 0.5), row("b", 0.8, parity=0.0011)]).champion == "a"
    assert choose([row("a", 0.5), row("b", 0.8, parity=0.001)]).champion == "b"
    assert choose([row("a", 0.5), row("b", 0.8, parity=float("nan"))]).champion == "a"


def test_where_none_qualifies_none_is_crowned():
    decision = choose([row("a", 0.5, f1=(0.9, 0.1)), row("b", 0.8, parity=1.0)])
    assert decision.champion is None
    assert "0.3" in decision.reason
    assert choose([row("a", 0.5, f1=(0.9, 0.1))], reign(0.1, "other")).champion is None


def test_on_the_same_data_the_reigning_champion_gives_way_only_to_a_better_score():
    assert choose([row("a", 0.8)], reign(0.79)).champion == "a"
    assert choose([row("a", 0.8)], reign(0.8)) == Decision(
        None, "A: validation macro-F1 0.8000; the reigning champion stays with 0.8000"
    )
    assert choose([row("a", 0.8)], reign(0.81)).champion is None


def test_a_champion_of_other_data_gives_way():
    decision = choose([row("a", 0.2)], reign(0.99, "other"))
    assert decision.champion == "a"
    assert "other data" in decision.reason


def test_the_score_in_the_registry_loses_no_digit():
    score = 0.1 + 0.2
    assert choose([row("a", score)], reign(score)).champion is None


def test_a_tie_goes_to_the_row_that_stands_first():
    assert choose([row("b", 0.8), row("a", 0.8)]).champion == "b"
    assert choose([row("a", 0.8), row("b", 0.8)]).champion == "a"


rows_of_models = st.lists(st.tuples(SHARE, SHARE, SHARE, st.floats(0, 0.002)), min_size=1, max_size=6)


@settings(max_examples=50)
@given(rows_of_models, st.none() | SHARE, st.sampled_from(["same", "other"]), st.data())
def test_test_figures_never_matter(models, score, fingerprint, data):
    rows = [
        row(f"m{number}", macro, (happy, sad), parity=parity)
        for number, (macro, happy, sad, parity) in enumerate(models)
    ]
    reigning = None if score is None else reign(score, fingerprint)
    before = choose(rows, reigning)
    for content in rows:
        content.update({name: data.draw(st.floats()) for name in content if name.startswith("test.")})
    assert choose(rows, reigning) == before


@settings(max_examples=50)
@given(rows_of_models, st.none() | SHARE)
def test_a_new_champion_qualifies_is_the_best_that_does_and_beats_the_reigning_one(models, score):
    rows = [row(f"m{n}", macro, (happy, sad), parity=parity) for n, (macro, happy, sad, parity) in enumerate(models)]
    decision = choose(rows, None if score is None else reign(score))
    fit = {f"m{n}": m for n, (m, happy, sad, parity) in enumerate(models) if min(happy, sad) >= 0.3 and parity <= 0.001}
    if decision.champion is None:
        assert not fit or (score is not None and max(fit.values()) <= score)
    else:
        assert fit[decision.champion] == max(fit.values())
        assert score is None or fit[decision.champion] > score


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_trained(tmp_path_factory.mktemp("models"), small_dataset(train=1, held_out=2))


def test_the_champions_files_are_what_the_service_reads(folder, tmp_path):
    card = card_of(folder, SETTINGS)
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
    write_champion(tmp_path / "champion", folder.onnx, card_of(folder, SETTINGS))
    with pytest.raises(FileNotFoundError):
        write_champion(tmp_path / "champion", tmp_path / "nothing.onnx", card_of(folder, SETTINGS))
    assert Card.load(tmp_path / "champion") == card_of(folder, SETTINGS)
