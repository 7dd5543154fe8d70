import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fer.data.labels import IGNORE, Labels, is_code, label_key, named_emotion, settle_labels
from fer.data.presets import PRESETS
from fer.data.source import Loaded, SourceRows
from fer.data.split_names import is_split, settle_splits, split_key, usual_split
from fer.emotions import EMOTIONS, SYNONYMS, emotion_name
from fer.errors import UserError

#: Words of published sets that are none of our emotions.
NONE_OF_OURS = {"contempt", "none", "uncertain", "no face", "unknown"}
NAMES = st.sampled_from([*EMOTIONS, *SYNONYMS])
CASES = st.sampled_from([str.lower, str.upper, str.title])


def rows(labels: list[str], splits: list[str] | None = None, preset: str = "", label_is: str = "label") -> SourceRows:
    table = pd.DataFrame({"label": labels, "split": splits or "", "source_id": [str(n) for n in range(len(labels))]})
    none = Loaded(np.zeros((0, 48, 48), np.uint8), np.zeros(0, bool))
    return SourceRows(
        "x", "x", table, lambda _: none, label_is, lambda n: f"row {n}: label", lambda n: f"row {n}: split", preset
    )


def settled(labels: list[str], setting: object = None, preset: str = "") -> list[str]:
    return settle_labels(rows(labels, preset=preset), Labels.of(setting))[0]


@pytest.mark.parametrize("name", PRESETS)
def test_every_word_of_a_preset_is_an_emotion_or_known_to_be_none(name):
    preset = PRESETS[name]
    assert preset.source
    assert {word for word in preset.labels.values() if emotion_name(word) is None} <= NONE_OF_OURS
    ours = settled(list(preset.labels), name)
    assert [emotion or None for emotion in ours] == [emotion_name(word) for word in preset.labels.values()]


@pytest.mark.parametrize(
    ("preset", "codes"),
    [
        ("fer2013", "angry disgust fear happy sad surprise neutral"),
        ("expw", "angry disgust fear happy sad surprise neutral"),
        ("rafdb", "- surprise fear disgust happy sad angry neutral"),
        ("affectnet", "neutral happy sad surprise fear disgust angry"),
        ("ferplus", "neutral happy surprise sad angry disgust fear"),
        ("ckplus", "neutral angry - disgust fear happy sad surprise"),
    ],
)
def test_published_codes(preset, codes):
    """As their papers and read-me files print them."""
    expected = {str(code): emotion for code, emotion in enumerate(codes.split()) if emotion != "-"}
    assert settled(list(expected), preset) == list(expected.values())


@given(
    NAMES, CASES, st.sampled_from(["{}", " {} ", "0_{}", "12-{}", "3 {}", "{} 3", "{}_faces", "(1) {}", "{} images"])
)
def test_a_name_is_read_with_numbers_and_words_around_it(name, case, around):
    assert named_emotion(around.format(case(name))) == emotion_name(name)


@given(NAMES, NAMES)
def test_two_emotions_are_none(one, other):
    assert named_emotion(f"{one}_{other}") is None
    assert named_emotion(f"un{one}") is None


@given(st.text(max_size=30))
def test_any_text_has_one_key_and_raises_nothing(text):
    key = label_key(text)
    assert label_key(key) == key
    assert label_key(f"  {text} ") == key
    assert named_emotion(text) in (None, *EMOTIONS)
    assert usual_split(text) in (None, "train", "validation", "test")
    assert split_key(text) == split_key(text.upper()) or not text.isascii()


@given(
    st.integers(0, 999), st.sampled_from(["{}", "{}.0", "0{}", "{}.", "{}.0000000e+00", " {} ", "class_{}", "Label {}"])
)
def test_a_number_is_a_number_however_it_is_written(number, form):
    key = label_key(form.format(number))
    assert key == str(number)
    assert is_code(key)


@example(["0", ":\n"])
@given(st.lists(st.one_of(st.text(max_size=6), st.integers(-1, 12).map(str), NAMES), min_size=1, max_size=8))
def test_any_labels_are_emotions_or_one_line(labels):
    try:
        emotions, said = settled(labels), ""
    except UserError as error:
        emotions, said = [], str(error)
    assert set(emotions) <= set(EMOTIONS)
    assert "\n" not in said
    assert len(said) < 700
    rest = Labels.of({"*": "ignore"})
    assert set(settle_labels(rows(labels), rest)[0]) <= {*EMOTIONS, ""}


@given(
    st.dictionaries(
        st.text("abcdefgh_ ", min_size=1, max_size=8).filter(str.strip), st.sampled_from([*EMOTIONS, IGNORE])
    ),
    CASES,
)
def test_a_mapping_is_what_it_says(mapping, case):
    unique = {label_key(word): meant for word, meant in mapping.items()}
    words = list(unique)
    if words:
        expected = ["" if unique[word] == IGNORE else unique[word] for word in words]
        assert settled([case(word) for word in words], mapping) == expected


def test_codes_that_a_mapping_does_not_name_keep_no_meaning():
    with pytest.raises(UserError, match="row 0: label '0' names no emotion"):
        settled(["0", "7"], {7: "ignore"})
    assert settled(["0", "7"], {7: "ignore", 0: "neutral"}) == ["neutral", ""]
    assert settled(["0", "7"], {7: "fear", "*": "ignore"}) == ["", "fear"]


def test_a_class_is_left_out_only_when_somebody_says_so():
    with pytest.raises(UserError, match=r"label '7' is AffectNet's contempt, .* set data.labels to affectnet"):
        settled(["0", "7"], preset="affectnet")
    assert settled(["0", "7"], "affectnet") == ["neutral", ""]


SPLIT_NAMES = {
    "train": ["train", "Training", "TRN", "train_set", "FER2013Train", "training-data"],
    "validation": ["val", "Valid", "validation", "dev", "PublicTest", "public_test", "FER2013Valid", "dev set"],
    "test": ["test", "Testing", "tst", "PrivateTest", "private test", "FER2013Test", "test_images", "hold-out"],
}


@pytest.mark.parametrize(("split", "name"), [(split, name) for split, names in SPLIT_NAMES.items() for name in names])
def test_usual_names_of_splits(split, name):
    assert usual_split(name) == split
    assert is_split(name, {})


@pytest.mark.parametrize("name", ["happy", "test1", "contest", "gallery", "detrain", "set", "data", ""])
def test_no_splits(name):
    assert usual_split(name) is None
    assert not is_split(name, {})


def test_splits_by_setting_and_those_that_say_nothing():
    source = rows(["happy"] * 3, ["gallery", "probe", "old"])
    with pytest.raises(UserError, match="row 0: split is 'gallery', not one of Training, PublicTest, PrivateTest"):
        settle_splits(source, {})
    splits, said = settle_splits(source, {"gallery": "train", "probe": "test", "old": "ignore"})
    assert splits == ["train", "test", ""]
    assert said == ["read the splits gallery as train, probe as test", "left out by data.splits: old"]
    with pytest.raises(UserError, match="row 1: split is ''"):
        settle_splits(rows(["happy"] * 2, ["train", ""]), {})
    assert settle_splits(rows(["happy"] * 2, ["train", ""], label_is="folder"), {})[0] == ["train", "train"]
