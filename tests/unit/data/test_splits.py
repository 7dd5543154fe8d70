"""Splits carved out of train: nobody on both sides, all emotions on each."""

import numpy as np
import pandas as pd
import pytest
from face_files import data_params, random_faces, write_image
from hypothesis import given, settings
from hypothesis import strategies as st

from fer.data.ingest import build_dataset
from fer.data.splits import carve_splits, carved, shared_subjects
from fer.emotions import EMOTIONS
from fer.errors import UserError


def table_of(people: list[str], copies: bool = False) -> pd.DataFrame:
    """A person's images show all emotions in turn; with copies every fiftieth is an earlier one."""
    count = len(people)
    return pd.DataFrame(
        {
            "emotion": [EMOTIONS[n % 7] for n in range(count)],
            "split": "train",
            "sha256": [f"{n - 49 if copies and n % 50 == 49 else n:04}" for n in range(count)],
            "subject": people,
        }
    )


def carve(table: pd.DataFrame, seed: int = 3) -> pd.Series:
    images = np.arange(len(table) * 4, dtype=np.uint8).reshape(-1, 2, 2)
    return carve_splits("faces", table, images, 0.2, 0.2, seed)


@settings(max_examples=25, deadline=None)
@given(st.integers(12, 40), st.integers(7, 21), st.integers(0, 5), st.booleans())
def test_a_person_and_an_image_are_on_one_side(people, each, seed, copies):
    table = table_of([f"p{n}" for n in range(people) for _ in range(each)], copies)
    split = carve(table, seed)
    sides = table.assign(split=split)
    assert (sides.groupby("subject")["split"].nunique() == 1).all()
    assert (sides.groupby("sha256")["split"].nunique() == 1).all()
    assert set(split) <= {"train", "validation", "test"}
    assert split.equals(carve(table, seed))
    if not copies:
        shares = split.value_counts(normalize=True)
        assert 0.1 < shares["test"] < 0.35
        assert 0.05 < shares["validation"] < 0.3
        assert sides.groupby("split")["emotion"].nunique().eq(7).all()


def test_blank_images_stay_in_train_and_link_nobody():
    table = table_of([f"p{n // 7}" for n in range(140)])
    blank = np.arange(0, 140, 7)  # one of every person, all of them equal
    table.loc[blank, "sha256"] = "blank"
    images = np.arange(len(table) * 4, dtype=np.uint8).reshape(-1, 2, 2)
    images[blank] = 0
    split = carve_splits("faces", table, images, 0.2, 0.2, 3)
    assert (split[blank] == "train").all()
    sides = table.assign(split=split).drop(index=blank)
    assert (sides.groupby("subject")["split"].nunique() == 1).all()
    assert 0.1 < (sides["split"] == "test").mean() < 0.35


def test_images_without_a_person_stand_alone():
    table = table_of(["" if n < 70 else f"p{n % 10}" for n in range(140)])
    sides = table.assign(split=carve(table))
    named = sides[sides["subject"] != ""]
    assert (named.groupby("subject")["split"].nunique() == 1).all()
    assert sides[sides["subject"] == ""]["split"].nunique() == 3
    assert carved(sides, {"train"})[0].endswith("out of train, each subject on one side")
    assert carved(sides, {"train", "validation", "test"}) == []


def test_too_few_people_is_one_line():
    said = r"^faces: too few people \(3\) to carve 20% out of train; add people or raise data\.test_share$"
    with pytest.raises(UserError, match=said):
        carve(table_of([f"p{n % 3}" for n in range(60)]))


def test_fewer_images_than_folds_in_every_class_are_one_line():
    table = table_of([f"p{n}" for n in range(63)])
    with pytest.raises(UserError, match=r"^faces: too few different images \(63, .* change data.test_share$"):
        carve_splits("faces", table, np.arange(63 * 4, dtype=np.uint8).reshape(63, 2, 2), 0.1, 0.1, 0)


def test_a_person_on_both_sides_of_a_given_split_is_said():
    table = table_of(["a", "a", "b", "c", ""]).assign(split=["train", "test", "train", "test", "test"])
    (line,) = shared_subjects(table)
    assert line.startswith(
        "1 of 3 people (subject) stand in several of the source's splits, such as a in train and test"
    )
    assert shared_subjects(table.drop(columns="subject")) == []
    assert shared_subjects(table.assign(subject=["a", "a", "b", "c", ""], split="train")) == []


def test_people_stay_together_from_the_folder_to_the_data_set(tmp_path):
    images = iter(random_faces(210))
    rows = ["file,emotion,participant,age"]
    for person in range(10):
        for n in range(21):
            write_image(tmp_path / f"images/{person}_{n}.png", next(images))
            rows.append(f"images/{person}_{n}.png,{EMOTIONS[n % 7]},p{person},{20 + person}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    dataset, report = build_dataset(data_params(source="folder", path=tmp_path))
    assert (dataset.table.groupby("participant")["split"].nunique() == 1).all()
    assert dataset.table["age"].iloc[0] in {str(20 + n) for n in range(10)}
    assert any(line.endswith("each participant on one side") for line in report["readings"])
    assert "read the group columns participant, age" in report["readings"]
