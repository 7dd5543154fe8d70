"""What says two things at once is refused, or read by the one that is plain; nothing is guessed without a word."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from face_files import FACES, USAGES, csv_text, data_params, random_faces, read, reading, refused, text, write

from fer.data.csv_source import read_csv
from fer.data.ingest import build_dataset
from fer.emotions import EMOTIONS
from fer.errors import UserError


@pytest.mark.parametrize("word", ["3e", "3.e+", "9" * 5000])
def test_a_label_that_is_almost_a_number_is_told_in_one_line(tmp_path: Path, word: str) -> None:
    write(tmp_path, *(f"{code}.png" for code in range(7)))
    text(tmp_path, "t.csv", "file,label", *(f"{code}.png,{code}" for code in range(6)), f"6.png,{word}")

    said = refused(tmp_path)

    assert word[:20] in said
    assert len(said) < 1000


def test_a_table_that_swaps_the_folders_emotions_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "happy/a.png", "happy/b.png", "sad/c.png", "sad/d.png")
    text(tmp_path, "t.csv", "file,label", "a.png,sad", "b.png,sad", "c.png,happy", "d.png,happy")

    assert "t.csv says 'sad' of it, and its place 'happy'" in refused(tmp_path)
    assert read(tmp_path, label="label").table["emotion"].tolist() == ["sad", "sad", "happy", "happy"]


def test_a_table_in_other_words_for_the_folders_emotions_agrees(tmp_path: Path) -> None:
    write(tmp_path, "happy/a.png", "sad/c.png")
    text(tmp_path, "t.csv", "file,label", "a.png,Happiness", "c.png,4")

    assert read(tmp_path).table["emotion"].tolist() == ["happy", "sad"]


@pytest.mark.parametrize("folders", ["{split}/{emotion}", "{split}"])
def test_a_table_that_contradicts_the_folders_splits_is_refused(tmp_path: Path, folders: str) -> None:
    rows = [("a", "train", "happy"), ("b", "train", "sad"), ("c", "test", "happy"), ("d", "test", "sad")]
    paths = [f"{folders.format(split=split, emotion=emotion)}/{name}.png" for name, split, emotion in rows]
    write(tmp_path, *paths)
    swapped = {"train": "Testing", "test": "Training"}
    text(tmp_path, "t.csv", "file,label,split", *(f"{n}.png,{emotion},{swapped[split]}" for n, split, emotion in rows))

    said = refused(tmp_path)

    assert "t.csv says the split 'Testing'" in said or "t.csv says the split 'Training'" in said
    assert "data.csv" in said
    assert read(tmp_path, split="split").table.set_index("source_id")["split"].to_dict() == {
        path: {"train": "test", "test": "train"}[split] for path, (_, split, _) in zip(paths, rows, strict=True)
    }


def test_a_table_that_agrees_with_the_folders_splits_is_read(tmp_path: Path) -> None:
    write(tmp_path, "train/happy/a.png", "test/happy/b.png", "train/sad/c.png")
    text(tmp_path, "t.csv", "file,label,set", "a.png,happy,Training", "b.png,happy,PrivateTest", "c.png,sad,")

    assert read(tmp_path).table["split"].tolist() == ["test", "train", "train"]


def test_an_image_that_a_table_puts_in_two_splits_is_told_as_such(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "b.png")
    text(tmp_path, "t.csv", "file,label,split", "a.png,happy,train", "b.png,sad,train", "a.png,happy,test")

    assert "t.csv: a.png is in two splits, 'train' and 'test'; keep one row" in refused(tmp_path)


def test_numbered_folders_whose_files_name_other_emotions_are_refused(tmp_path: Path) -> None:
    write(tmp_path, *(f"{person}/{emotion}_{person}.png" for person in range(7) for emotion in EMOTIONS))

    said = refused(tmp_path)

    assert "the folders 0, 1, 2, 3, 4, 5, 6 are codes, and the files' names say emotions" in said
    assert "person_0" in said
    assert "data.labels" in said
    mapped = read(tmp_path, labels=dict(enumerate(EMOTIONS)))
    assert mapped.table["emotion"].value_counts().tolist() == [7] * 7


def test_file_names_say_what_numbered_folders_mean(tmp_path: Path) -> None:
    write(tmp_path, *(f"{code}/{emotion}_{n}.png" for code, emotion in enumerate(EMOTIONS, 1) for n in range(2)))

    faces = read(tmp_path)

    assert faces.table["emotion"].tolist() == [emotion for emotion in EMOTIONS for _ in range(2)]
    assert "read labels in file names, such as angry in angry_0.png" in faces.readings


def test_a_folder_beside_splits_inside_an_emotion_is_asked_about(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        write(tmp_path, f"{emotion}/train/a.png", f"{emotion}/probe/b.png")

    assert "folder 'probe' stands beside the splits train and is none; say what it is in data.splits" in refused(
        tmp_path
    )
    assert read(tmp_path, splits={"probe": "test"}).table["split"].value_counts().to_dict() == {"train": 7, "test": 7}


@pytest.mark.parametrize("name", ["path", "box", "face", "left", "flaw", "votes.anger"])
def test_a_group_column_with_a_name_of_our_own_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, "happy/a.png", "sad/b.png")
    text(tmp_path, "groups.csv", f"file,{name}", "happy/a.png,1", "sad/b.png,2")

    assert f"groups.csv: column '{name}' is the data set's own; rename it" in refused(tmp_path)


@pytest.mark.parametrize(
    "lines",
    [
        ("file;age", "happy/a.png;young", "sad/b.png;old"),
        ("file\tage", "happy/a.png\tyoung", "sad/b.png\told"),
        ("file,age", "happy/a.png,young,", "sad/b.png,old,"),
    ],
)
def test_groups_are_read_with_any_separator_and_empty_last_cells(tmp_path: Path, lines: tuple[str, ...]) -> None:
    write(tmp_path, "happy/a.png", "sad/b.png")
    text(tmp_path, "groups.csv", *lines)

    assert read(tmp_path).table["age"].tolist() == ["young", "old"]


def test_pixel_columns_are_taken_by_their_numbers(tmp_path: Path) -> None:
    image = next(FACES)[:, :12].repeat(4, axis=0).repeat(4, axis=1)
    places = sorted(range(48 * 48), key=lambda place: f"pixel{place}")  # as text: pixel0, pixel1, pixel10
    header = ",".join(["emotion", *(f"pixel{place}" for place in places)])
    row = ",".join(["3", *(str(image.ravel()[place]) for place in places)])
    text(tmp_path, "wide.csv", header, row)

    np.testing.assert_array_equal(read_csv(tmp_path / "wide.csv").images[0], image)


def test_codes_in_anybodys_train_labels_are_not_taken_for_rafdbs(tmp_path: Path) -> None:
    write(tmp_path, *(f"face{code}.png" for code in range(1, 8)))
    text(tmp_path, "train_labels.csv", "image,label", *(f"face{code}.png,{code}" for code in range(1, 8)))

    said = refused(tmp_path)

    assert "may be those of several data sets" in said
    assert "rafdb" in said


def test_a_source_with_a_test_split_alone_is_told_what_is_missing(tmp_path: Path) -> None:
    for emotion in EMOTIONS:
        write(tmp_path, f"test/{emotion}/a.png", f"test/{emotion}/b.png")

    with pytest.raises(UserError, match=r"no image is in train; .*data.splits"):
        build_dataset(data_params(source="folder", path=str(tmp_path)))


def test_a_label_of_thousands_of_characters_gives_a_short_message(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(csv_text(random_faces(2), [0, 1], USAGES[:2]))

    assert len(refused(tmp_path / "a.csv", lambda path, **s: read_csv(path, None, reading(**s)), label="pixels")) < 400


def test_names_beside_codes_are_not_counted_as_codes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(csv_text(random_faces(3), [0, 1, "Happy"], ["Training"] * 3))

    assert "read 2 labels as FER-2013's codes 0, 1: 0 angry, 1 disgust" in read_csv(tmp_path / "a.csv").readings


def test_a_zip_with_one_name_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "happy/a.png", "happy/b.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "happy/a.png", "happy/a.png")
        archive.write(tmp_path / "happy/b.png", "happy\\a.png")

    assert "a.zip: entry 'happy/a.png' stands in it twice" in refused(tmp_path / "a.zip")


def test_white_space_makes_no_second_person(tmp_path: Path) -> None:
    write(tmp_path, "happy/a.png", "sad/b.png")
    text(tmp_path, "groups.csv", "file,subject", "happy/a.png,p1 ", "sad/b.png, p1")
    text(tmp_path, "t.csv", "file,camera", "a.png,left ", "b.png,left")

    table = read(tmp_path).table

    assert table["subject"].tolist() == ["p1", "p1"]
    assert table["camera"].tolist() == ["left", "left"]


def test_file_names_are_not_said_to_be_read_where_a_table_is(tmp_path: Path) -> None:
    write(tmp_path, "happy1.png", "sad2.png")
    text(tmp_path, "t.csv", "file,emotion", "happy1.png,fear", "sad2.png,angry")

    faces = read(tmp_path)

    assert faces.table["emotion"].tolist() == ["fear", "angry"]
    assert faces.readings[0] == "read labels from t.csv (emotion)"
