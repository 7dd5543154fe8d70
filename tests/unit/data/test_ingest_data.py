import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from face_files import csv_text, data_params, full_csv_text, random_faces, write_folders, write_image

from fer import files
from fer.data import kaggle_source
from fer.data.dataset import COLUMNS, FaceDataset
from fer.data.ingest import build_dataset
from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.errors import UserError
from fer.files import replace_folder


@pytest.fixture
def flawed_csv(tmp_path) -> Path:
    """Two images per emotion and split, then three flawed train rows: a repeat, a leak and a blank."""
    cells = [(code, usage) for usage in ("Training", "PublicTest", "PrivateTest") for _ in "12" for code in range(7)]
    images = random_faces(len(cells) + 3)
    images[42], images[43], images[44] = images[0], images[41], 128
    codes = [code for code, _ in cells] + [1, 6, 2]
    path = tmp_path / "faces.csv"
    path.write_text(csv_text(images, codes, [usage for _, usage in cells] + ["Training"] * 3))
    return path


def test_cleaning_takes_flawed_rows_out_and_says_why(flawed_csv):
    dataset, report = build_dataset(data_params(path=flawed_csv))
    assert len(dataset) == len(dataset.images) == 42
    assert tuple(dataset.table)[: len(COLUMNS)] == COLUMNS
    assert dataset.removed[["source_id", "reason", "copy_of"]].to_numpy().tolist() == [
        ["row 43", "repeat", "row 1"],
        ["row 44", "leak", "row 42"],
        ["row 45", "blank", ""],
    ]
    assert dataset.table["source_id"][dataset.table["train_copy"]].tolist() == ["row 42"]
    assert report["removed"] == {"blank": 1, "leak": 1, "repeat": 1}
    assert report["kept"] == {"blank": 0, "leak": 0, "repeat": 0}
    assert report["source"]["images"] == 45
    assert report["source"]["conflicting_groups"] == 1
    assert report["source"]["counts"]["train"]["disgust"] == 3
    assert report["dataset"]["counts"]["train"]["disgust"] == 2
    assert json.loads(json.dumps(report)) == report


def test_copies_may_stay_for_comparison(flawed_csv):
    dataset, report = build_dataset(data_params(path=flawed_csv, remove_copies=False))
    assert len(dataset) == 45
    assert dataset.removed.empty
    assert {"reason", "copy_of"} <= set(dataset.removed)
    assert report["kept"] == {"blank": 1, "leak": 1, "repeat": 1}
    assert report["removed"] == {"blank": 0, "leak": 0, "repeat": 0}
    assert dataset.table["train_copy"].sum() == 1


def test_five_classes(flawed_csv):
    dataset, report = build_dataset(data_params(path=flawed_csv, classes="five"))
    assert dataset.classes == FIVE_EMOTIONS
    assert set(dataset.table["emotion"]) == set(FIVE_EMOTIONS)
    assert len(dataset.labels) == len(dataset.images) == 30
    assert report["other_class"] == 14
    assert set(report["source"]["counts"]["test"]) == set(EMOTIONS)


def test_a_leak_in_a_class_not_chosen_is_none(flawed_csv):
    dataset, _ = build_dataset(data_params(path=flawed_csv, classes=["angry", "happy"]))
    assert not dataset.table["train_copy"].any()
    assert dataset.removed.empty


def test_a_name_of_ones_own(flawed_csv):
    assert build_dataset(data_params(path=flawed_csv))[0].name == "faces"
    assert build_dataset(data_params(path=flawed_csv, name="mine"))[0].name == "mine"


def test_saved_and_loaded_alike(flawed_csv, tmp_path):
    dataset, _ = build_dataset(data_params(path=flawed_csv))
    dataset.save(tmp_path / "saved")
    loaded = FaceDataset.load(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.images, dataset.images)
    pd.testing.assert_frame_equal(loaded.table, dataset.table)
    pd.testing.assert_frame_equal(loaded.removed, dataset.removed)
    assert loaded.fingerprint == dataset.fingerprint


def about(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / "dataset.json").read_text()) | changes
        (folder / "dataset.json").write_text(json.dumps({key: it for key, it in content.items() if it is not None}))

    return change


def written(name: str, content: bytes) -> Callable[[Path], int]:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, 100)


def without_a_column(folder: Path) -> None:
    pd.read_parquet(folder / "table.parquet").drop(columns="split").to_parquet(folder / "table.parquet")


def of_another_size(folder: Path) -> None:
    np.save(folder / "images.npy", np.zeros((3, 40, 48), np.uint8))


def one_too_many(folder: Path) -> None:
    np.save(folder / "images.npy", np.zeros((4, 48, 48), np.uint8))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (written("dataset.json", b"[]"), "dataset.json: input should be an object, got"),
        (written("dataset.json", b"{"), "dataset.json: not to be read ("),
        (about(name=None), "dataset.json: lacks name"),
        (about(name=["old"]), "dataset.json: name: input should be a valid string, got"),
        (about(classes="happy"), "dataset.json: classes: input should be a valid array, got"),
        (about(classes=[["happy"], "sad"]), "dataset.json: classes.0: input should be a valid string, got"),
        (about(classes=["happy", "fear"]), "table.parquet: emotion 'sad' is no class of dataset.json"),
        (about(fingerprint=None), "dataset.json: lacks fingerprint"),
        (about(images=None), "dataset.json: lacks images"),
        (about(images=7), "data: 3 images, 3 rows in the table, 7 images by dataset.json"),
        (written("images.npy", b""), "images.npy: not to be read ("),
        (written("images.npy", b"no numbers"), "images.npy: not to be read ("),
        (cut("images.npy"), "images.npy: not to be read ("),
        (of_another_size, "images.npy: no square uint8 images"),
        (one_too_many, "data: 4 images, 3 rows in the table, 3 images by dataset.json"),
        (written("table.parquet", b""), "table.parquet: not to be read ("),
        (cut("table.parquet"), "table.parquet: not to be read ("),
        (without_a_column, "table.parquet: lacks split"),
        (cut("removed.parquet"), "removed.parquet: not to be read ("),
        (lambda folder: (folder / "removed.parquet").unlink(), "removed.parquet: not to be read ("),
    ],
)
def test_a_damaged_data_set_is_one_line_with_the_remedy(tmp_path, harm, words):
    tiny("old").save(tmp_path / "data")
    harm(tmp_path / "data")
    with pytest.raises(UserError, match=re.escape(words)) as caught:
        FaceDataset.load(tmp_path / "data")
    assert str(caught.value).endswith("; run the ingest stage again")
    assert "\n" not in str(caught.value)


def test_folder_without_splits_is_carved(tmp_path):
    write_folders(tmp_path / "faces", [""], 10)
    dataset, report = build_dataset(data_params(source="folder", path=tmp_path / "faces"))
    assert dataset.name == "faces"
    assert (dataset.counts().loc["test"] == 2).all()
    assert dataset.counts().loc["validation"].between(1, 2).all()
    assert report["source"]["counts"]["test"]["happy"] == 0
    again, _ = build_dataset(data_params(source="folder", path=tmp_path / "faces"))
    assert again.fingerprint == dataset.fingerprint
    other, _ = build_dataset(data_params(source="folder", path=tmp_path / "faces", seed=4))
    assert other.fingerprint != dataset.fingerprint


def test_kaggle_layout_gets_a_validation_split(tmp_path, monkeypatch):
    write_folders(tmp_path, ["train", "test"], 5)
    monkeypatch.setattr(kaggle_source, "download", lambda handle: tmp_path)
    dataset, _ = build_dataset(data_params(source="kaggle"))
    assert dataset.name == "FER-2013"
    assert dataset.counts().sum(axis=1).to_dict() == {"train": 28, "validation": 7, "test": 35}


def test_the_drawn_sample():
    dataset, report = build_dataset(data_params(source="sample", sample={"images": 400, "seed": 1}))
    assert dataset.name == "drawn sample"
    assert "flaw" in dataset.table
    assert sum(report["removed"].values()) == len(dataset.removed) > 0


def test_a_label_that_was_looked_at_and_kept_changes_the_fingerprint_and_nothing_else(tmp_path):
    data = data_params(source="sample", path=".", sample={"images": 80, "seed": 2})
    before, _ = build_dataset(data)
    row = before.table.loc[before.rows("train")[:1], ["source_id", "sha256", "emotion"]]
    row.assign(correct=row["emotion"]).to_csv(tmp_path / "kept.csv", index=False)
    after, report = build_dataset(data.model_copy(update={"corrections": tmp_path / "kept.csv"}))
    assert report["corrections"]["confirmed"] == 1
    pd.testing.assert_frame_equal(after.table, before.table)
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"source": "cvs"}, "params.yaml: data.source: unknown source 'cvs'; did you mean csv?"),
        ({"source": "csv", "path": "."}, ".: one .csv with the columns emotion and pixels expected inside"),
        ({"source": "folder", "path": "empty"}, "empty: no images in it"),
        ({"source": "folder", "path": ".", "votes": "v.csv"}, "data.votes: FER+ votes go with data.source csv only"),
    ],
)
def test_settings_that_do_not_fit(changes, fault, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(UserError, match=re.escape(fault)):
        build_dataset(data_params(**changes))


def test_a_class_without_images_is_named(tmp_path):
    write_folders(tmp_path / "faces", [""], 10)
    for file in (tmp_path / "faces/disgust").iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"faces: no image of 'disgust' in train, validation, test; add some or leave"):
        build_dataset(data_params(source="folder", path=tmp_path / "faces"))
    csv = tmp_path / "f.csv"
    csv.write_text(full_csv_text().replace("3,", "4,", 1))
    with pytest.raises(UserError, match=r"f\.csv: no image of 'happy' in train; add some"):
        build_dataset(data_params(path=csv))


CARVED = "to carve a stratified 20% out of train; add images to every class or change data.test_share"


@pytest.mark.parametrize(
    ("image", "splits", "fault"),
    [
        (random_faces(1)[0], ["train", "val", "test"], "no image of 'angry' in train (leak 2 taken out); add some"),
        (np.zeros((48, 48)), ["train", "val", "test"], "no image of 'angry' in train (blank 2 taken out); add some"),
        (np.full((1, 1), 7), ["train", "val", "test"], "no image of 'angry' in train (blank 2 taken out); add some"),
        (random_faces(1)[0], [""], f"too few different images (1, blank ones apart) {CARVED}"),
        (np.full((1, 1), 7), [""], f"too few different images (0, blank ones apart) {CARVED}"),
    ],
    ids=["equal", "black", "1x1", "equal, no splits", "1x1, no splits"],
)
def test_images_that_are_all_the_same_are_one_line_that_says_what_became_of_them(tmp_path, image, splits, fault):
    for split in splits:
        for emotion in EMOTIONS:
            for number in range(2):
                write_image(tmp_path / split / emotion / f"{number}.png", image.astype(np.uint8))
    with pytest.raises(UserError, match=re.escape(fault)) as caught:
        build_dataset(data_params(source="folder", path=tmp_path))
    assert "\n" not in str(caught.value)


def test_one_emotion_alone_is_one_line(tmp_path):
    write_image(tmp_path / "happy" / "0.png", random_faces(1)[0])
    with pytest.raises(UserError, match=r": all 1 images are happy; a data set needs two emotions$"):
        build_dataset(data_params(source="folder", path=tmp_path))


def tiny(name: str) -> FaceDataset:
    images = random_faces(3)
    table = pd.DataFrame(
        {
            "emotion": ["happy", "sad", "sad"],
            "split": ["train", "validation", "test"],
            "source_id": ["1", "2", "3"],
            "sha256": ["a", "b", "c"],
            "train_copy": False,
        }
    )
    return FaceDataset(name, ("happy", "sad"), images, table, table.iloc[:0].assign(reason="", copy_of=""))


@pytest.mark.parametrize("writer", ["numpy.save", "pandas.DataFrame.to_parquet", "pathlib.Path.write_text"])
def test_a_full_disk_leaves_the_last_good_output(tmp_path, monkeypatch, writer):
    tiny("old").save(tmp_path / "data")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer, full)
        with pytest.raises(OSError, match="No space left"):
            tiny("new").save(tmp_path / "data")
    assert FaceDataset.load(tmp_path / "data").name == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_failed_rename_puts_the_last_good_output_back(tmp_path, monkeypatch):
    tiny("old").save(tmp_path / "data")
    rename = Path.rename

    def fails_on_new(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_on_new)
    with pytest.raises(OSError, match="Input/output"):
        tiny("new").save(tmp_path / "data")
    assert FaceDataset.load(tmp_path / "data").name == "old"


KILLED = """
import os, signal, sys
from pathlib import Path
import fer.files
from fer.files import replace_folder

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
with replace_folder(folder) as fresh:
    (fresh / "dataset.json").write_text("half")
    if sys.argv[2] == "while writing":
        die()
    rename = Path.rename
    if sys.argv[2] == "between the renames":
        Path.rename = lambda self, target: die() if self.name.endswith(".new") else rename(self, target)
"""


@pytest.mark.parametrize("moment", ["while writing", "between the renames"])
def test_a_kill_leaves_the_last_good_output(tmp_path, moment):
    tiny("old").save(tmp_path / "data")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "data"), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert FaceDataset.load(tmp_path / "data").name == "old"
    files._clear.cache_clear()  # as in the next process
    tiny("new").save(tmp_path / "data")
    assert FaceDataset.load(tmp_path / "data").name == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_kill_between_the_renames_does_not_cost_the_next_run_the_old_output(tmp_path):
    tiny("old").save(tmp_path / "data")
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "data"), "between the renames"], check=False)
    assert not (tmp_path / "data").exists()
    with pytest.raises(RuntimeError), replace_folder(tmp_path / "data"):
        raise RuntimeError
    assert FaceDataset.load(tmp_path / "data").name == "old"
