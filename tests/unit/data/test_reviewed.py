"""Images that a person labelled since."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from face_files import csv_text, data_params, random_faces

from fer.data.ingest import build_dataset
from fer.errors import UserError

CODES = [code for code in range(7) for _ in "12"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two images per emotion and split, without a flaw."""
    usages = [usage for usage in ("Training", "PublicTest", "PrivateTest") for _ in CODES]
    path = tmp_path / "faces.csv"
    path.write_text(csv_text(random_faces(len(usages)), CODES * 3, usages))
    return path


@pytest.fixture
def reviewed(tmp_path: Path) -> Path:
    folder = tmp_path / "reviewed"
    folder.mkdir()
    (folder / "README.md").write_text("no image")
    return folder


def put(folder: Path, place: str, face: np.ndarray) -> None:
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / place), face)


def test_they_join_train_alone_at_the_end_and_the_fingerprint_knows_them(source, reviewed):
    before, _ = build_dataset(data_params(path=source, reviewed=reviewed))
    put(reviewed, "happy/one.png", random_faces(50)[48])
    put(reviewed, "Sadness/two.png", random_faces(50)[49])
    dataset, report = build_dataset(data_params(path=source, reviewed=reviewed))
    added = dataset.table.iloc[len(before) :]
    assert added["source_id"].tolist() == ["reviewed: Sadness/two.png", "reviewed: happy/one.png"]
    assert added["emotion"].tolist() == ["sad", "happy"]
    assert set(added["split"]) == {"train"}
    np.testing.assert_array_equal(dataset.images[-1], random_faces(50)[48])
    pd.testing.assert_frame_equal(dataset.table.iloc[: len(before)], before.table)
    assert dataset.fingerprint != before.fingerprint
    assert f"added 2 reviewed images of {reviewed} to train" in report["readings"]


def test_a_copy_of_an_evaluation_image_is_taken_out_and_carved_splits_have_none(source, reviewed, tmp_path):
    dataset, _ = build_dataset(data_params(path=source))
    put(reviewed, "happy/leak.png", dataset.images[dataset.rows("test")[0]])
    put(reviewed, "happy/new.png", random_faces(50)[48])
    found, report = build_dataset(data_params(path=source, reviewed=reviewed))
    assert report["removed"]["leak"] == 1
    assert found.table["source_id"].tolist()[-1] == "reviewed: happy/new.png"
    alone = tmp_path / "alone.csv"
    alone.write_text(csv_text(random_faces(42), CODES * 3, ["Training"] * 42))
    carved, _ = build_dataset(
        data_params(path=alone, reviewed=reviewed, validation_share=0.3, test_share=0.3, classes=["happy", "sad"])
    )
    mine = carved.table["source_id"].str.startswith("reviewed: ")
    assert mine.sum() == 2
    assert set(carved.table["split"][mine]) == {"train"}


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("test/happy/one.png", "reviewed: test/happy/one.png: reviewed images are for training alone; move them into"),
        ("smirking/one.png", "smirking"),
    ],
)
def test_what_is_no_training_image_is_named(source, reviewed, place, reason):
    put(reviewed, "train/happy/other.png", random_faces(50)[48])
    put(reviewed, place, random_faces(50)[49])
    with pytest.raises(UserError, match=reason):
        build_dataset(data_params(path=source, reviewed=reviewed))


def test_a_folder_that_is_not_there_is_named(source, tmp_path):
    with pytest.raises(UserError, match=r"none: no such folder; make it, or correct data\.reviewed"):
        build_dataset(data_params(path=source, reviewed=tmp_path / "none"))
