import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.emotions import (
    EMOTIONS,
    FERPLUS_OTHER,
    FERPLUS_VOTES,
    FIVE_EMOTIONS,
    SYNONYMS,
    emotion_name,
    resolve_classes,
)
from fer.errors import UserError


def test_fer2013_codes() -> None:
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert FIVE_EMOTIONS == ("angry", "fear", "happy", "sad", "surprise")


def test_every_ferplus_column_has_its_place() -> None:
    columns = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"]
    assert set(FERPLUS_VOTES) | set(FERPLUS_OTHER) == set(columns)
    assert sorted(FERPLUS_VOTES.values()) == sorted(EMOTIONS)


@pytest.mark.parametrize(("text", "name"), [("happy", "happy"), (" HAPPY ", "happy"), ("Anger", "angry")])
def test_emotion_name(text: str, name: str) -> None:
    assert emotion_name(text) == name


@pytest.mark.parametrize("text", ["", "contempt", "happy2", "happ y"])
def test_no_emotion(text: str) -> None:
    assert emotion_name(text) is None


def test_every_synonym_leads_to_an_emotion() -> None:
    assert {emotion_name(word) for word in SYNONYMS} <= set(EMOTIONS)


@given(st.lists(st.sampled_from(EMOTIONS), min_size=2, unique=True))
def test_classes_come_in_code_order_whatever_the_settings_order(names: list[str]) -> None:
    classes = resolve_classes(names)
    assert sorted(classes) == sorted(names)
    assert all(EMOTIONS.index(a) < EMOTIONS.index(b) for a, b in itertools.pairwise(classes))


def test_named_sets() -> None:
    assert resolve_classes("all") == EMOTIONS
    assert resolve_classes("five") == FIVE_EMOTIONS


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("seven", "unknown class 'seven'; use all, five or a list of angry, disgust"),
        (["happy", "contempt"], "unknown class 'contempt'"),
        (["happy", "all"], "unknown class 'all'"),
        ("happy", "must name at least two emotions, each once"),
        ([], "must name at least two"),
        (["sad", "sad"], "each once"),
    ],
)
def test_a_setting_that_names_no_task(setting: str | list[str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_classes(setting)
    assert words in str(caught.value)
    assert str(caught.value).startswith("params.yaml: data.classes: ")
    assert "\n" not in str(caught.value)
