import pytest

from fer.delivery.gates import Candidate, Rival, above_chance, beats_champion, every_class, onnx_parity, outcomes
from fer.params import Promote

SETTINGS = Promote(min_class_f1=0.3, min_skill=0.2, parity=0.001, certain_precision=0.5)
NO_FLOOR = Promote(min_class_f1=0, min_skill=0, parity=0.001, certain_precision=0.5)


def candidate(score: float = 0.8, f1: tuple[float, ...] = (0.9, 0.9), parity: float = 1e-6) -> Candidate:
    classes = ("happy", "sad", "angry", "fear", "disgust")[: len(f1)]
    metrics = {"validation.macro_f1": score, "test.macro_f1": 0.0}
    metrics |= {f"validation.f1.{name}": value for name, value in zip(classes, f1, strict=True)}
    return Candidate("compact", classes, metrics, "a", parity)


def test_the_worst_class_is_held_against_the_floor():
    assert every_class(candidate(f1=(0.3, 0.9)), None, SETTINGS).passed
    failed = every_class(candidate(f1=(0.9, 0.25)), None, SETTINGS)
    assert not failed.passed
    assert failed.words == "validation F1 of sad 0.25, needs 0.3: 0.05 short"


@pytest.mark.parametrize(("classes", "bound"), [(2, 0.6), (5, 0.36)])
def test_chance_is_one_of_the_classes_and_a_fifth_of_the_way_is_needed(classes, bound):
    """With two classes chance is 0.5, and a fifth of the way to 1 is 0.6; with five 0.2, and 0.2 + 0.16."""
    f1 = (0.5,) * classes
    assert above_chance(candidate(bound + 0.001, f1), None, SETTINGS).passed
    failed = above_chance(candidate(bound - 0.001, f1), None, SETTINGS)
    assert not failed.passed
    assert failed.bound == pytest.approx(bound)


def test_no_skill_asked_for_passes_what_is_worse_than_chance():
    assert above_chance(candidate(0.01), None, NO_FLOOR).passed


def test_parity_that_is_not_a_number_fails():
    assert onnx_parity(candidate(parity=0.001), None, SETTINGS).passed
    assert not onnx_parity(candidate(parity=0.0011), None, SETTINGS).passed
    assert not onnx_parity(candidate(parity=float("nan")), None, SETTINGS).passed
    assert onnx_parity(candidate(parity=0.0011), None, SETTINGS).words.endswith("needs 0.001: 0.0001 over")


def test_the_champion_must_be_beaten_not_equalled():
    rival = Rival("champion vgg16 (version 3)", 0.8, "b")
    assert beats_champion(candidate(0.81), rival, SETTINGS).passed
    tie = beats_champion(candidate(0.8), rival, SETTINGS)
    assert not tie.passed
    assert tie.words == "validation macro-F1 against champion vgg16 (version 3) 0.8, needs 0.8: a tie"
    assert beats_champion(candidate(0.8), None, SETTINGS) is None


def test_every_gate_that_applies_speaks():
    assert list(outcomes(candidate(), None, SETTINGS)) == ["every class", "above chance", "onnx parity"]
    assert list(outcomes(candidate(), Rival("x", 0.1, "b"), SETTINGS))[-1] == "beats champion"
