import numpy as np
import pandas as pd
import pytest
from face_files import random_faces
from hypothesis import given
from hypothesis import strategies as st

from fer.data.cleaning import blank_images, count_copies, image_hashes, train_copies, train_flaws
from fer.data.splits import carve_splits
from fer.emotions import EMOTIONS
from fer.errors import UserError


def table_of(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Rows of (split, emotion, letter of the image); source ids are ``0``, ``1``, ..."""
    table = pd.DataFrame(rows, columns=["split", "emotion", "sha256"])
    return table.assign(source_id=[str(i) for i in range(len(table))])


ROWS = table_of(
    [
        ("train", "happy", "a"),
        ("train", "happy", "a"),  # 1: repeat of 0
        ("train", "sad", "a"),  # 2: repeat of 0 with another label
        ("train", "fear", "t"),  # 3: leak of 6
        ("train", "fear", "t"),  # 4: leak of 6, not a repeat
        ("train", "angry", "0"),  # 5: blank
        ("test", "fear", "t"),
        ("validation", "fear", "t"),
        ("validation", "fear", "v"),
        ("validation", "fear", "v"),
        ("train", "happy", "b"),
    ]
)
BLANK = (ROWS["sha256"] == "0").to_numpy()


def test_flaws_of_the_train_split():
    flaws = train_flaws(ROWS, BLANK)
    assert flaws["reason"].tolist() == ["", "repeat", "repeat", "leak", "leak", "blank", "", "", "", "", ""]
    assert flaws["copy_of"].tolist() == ["", "0", "0", "6", "6", "", "", "", "", "", ""]


def test_evaluation_images_with_a_copy_in_train():
    assert np.flatnonzero(train_copies(ROWS)).tolist() == [6, 7]


def test_counts_of_copies():
    assert count_copies(ROWS, BLANK) == {
        "images": 11,
        "unique_images": 5,
        "blank": 1,
        "conflicting_groups": 1,
        "surplus_copies": {"train": 3, "validation": 1, "test": 0},
        "train_copy": {"validation": 1, "test": 1},
    }


@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "validation", "test"]), st.sampled_from("xy"), st.sampled_from("abcd"))
    )
)
def test_cleaned_train_holds_every_image_once_and_none_of_evaluation(rows):
    table = table_of(rows)
    blank = (table["sha256"] == "d").to_numpy()
    left = table[(train_flaws(table, blank)["reason"] == "").to_numpy()]
    train = set(table["sha256"][table["split"] == "train"])
    evaluation = table[table["split"] != "train"]
    assert sorted(left["sha256"][left["split"] == "train"]) == sorted(train - set(evaluation["sha256"]) - {"d"})
    assert left[left["split"] != "train"].equals(evaluation)


def test_hashes_and_blanks():
    images = random_faces(3)
    images[1] = 9
    images[2] = images[0]
    hashes = image_hashes(images)
    assert hashes[0] == hashes[2] != hashes[1]
    assert len(hashes[0]) == 64
    assert blank_images(images).tolist() == [False, True, False]


def carving(per_class: int, splits: tuple[str, ...] = ("train",)) -> tuple[pd.DataFrame, np.ndarray]:
    rows = [(split, emotion) for split in splits for emotion in EMOTIONS for _ in range(per_class)]
    images = random_faces(len(rows))
    images[1] = images[0]  # a copy within angry
    images[per_class] = images[0]  # the same face labelled disgust
    images[2] = 0
    table = pd.DataFrame(rows, columns=["split", "emotion"]).assign(sha256=image_hashes(images))
    return table, images


@pytest.mark.parametrize("seed", range(5))
def test_carved_splits_are_stratified_and_share_no_image(seed):
    table, images = carving(20)
    split = carve_splits("faces", table, images, 0.25, 0.1, seed)
    counts = pd.crosstab(table["emotion"], split)
    assert counts["test"].between(1, 4).all()
    assert counts["validation"].between(3, 7).all()
    assert (table["sha256"].groupby(split).unique().explode().value_counts() == 1).all()
    assert split[2] == "train"


def test_carving_follows_the_seed():
    table, images = carving(20)
    first, again, other = (carve_splits("faces", table, images, 0.2, 0.2, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_splits_that_the_source_brings_stay():
    table, images = carving(20, ("train", "test"))
    images[-1] = images[5]
    table["sha256"] = image_hashes(images)
    split = carve_splits("faces", table, images, 0.2, 0.2, 0)
    assert (split[table["split"] == "test"] == "test").all()
    assert set(split[table["split"] == "train"]) == {"train", "validation"}
    assert split[5] == "train", "a copy of a test image must not become a validation image"


def test_too_few_images_to_carve_from():
    table, images = carving(4)
    said = r"^faces: too few different images \(\d+, blank.* stratified 10% out of train; .* data\.test_share$"
    with pytest.raises(UserError, match=said):
        carve_splits("faces", table, images, 0.1, 0.1, 0)
