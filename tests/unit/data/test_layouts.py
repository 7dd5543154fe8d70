"""Every layout that people have: what is plain is read and said in a line, what is not is refused with its readings."""

import bz2
import csv
import gzip
import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from face_files import (
    USAGES,
    csv_text,
    data_params,
    random_faces,
    read,
    reading,
    refused,
    text,
    write,
    write_image,
)

from fer.data.csv_source import read_csv
from fer.data.folder_source import read_folder
from fer.data.ingest import build_dataset
from fer.data.labels import Labels
from fer.data.reading import Reading
from fer.data.source import SourceFaces
from fer.data.split_names import split_setting
from fer.emotions import EMOTIONS
from fer.errors import UserError

CASES = Path(__file__).parents[4] / "shared" / "cases"
RAF = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
LETTERS = {"AN": "angry", "DI": "disgust", "HA": "happy", "NE": "neutral", "SA": "sad", "SU": "surprise"}


def splits_of(faces: SourceFaces) -> dict[str, str]:
    """The split of every image, by its path."""
    return dict(zip(faces.table["source_id"], faces.table["split"], strict=True))


def emotions_of(faces: SourceFaces) -> dict[str, str]:
    return dict(zip(faces.table["source_id"], faces.table["emotion"], strict=True))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (("train", "test"), ("train", "test")),
        (("Training", "PublicTest", "PrivateTest"), ("train", "validation", "test")),
        (("train", "public_test", "private_test"), ("train", "validation", "test")),
        (("TRAIN", "Public Test", "Private-Test"), ("train", "validation", "test")),
        (("train", "dev", "eval"), ("train", "validation", "test")),
        (("train", "eval", "test"), ("train", "validation", "test")),
        (("Training", "Testing"), ("train", "test")),
        (("train_set", "valid_set", "test_set"), ("train", "validation", "test")),
        (("FER2013Train", "FER2013Valid", "FER2013Test"), ("train", "validation", "test")),
        (("trainset", "holdout"), ("train", "test")),
    ],
)
@pytest.mark.parametrize("order", ["split first", "emotion first", "deeper"])
def test_the_usual_names_of_splits_wherever_they_stand(tmp_path, theirs, ours, order):
    places = {"split first": "{0}/{1}/{2}", "emotion first": "{1}/{0}/{2}", "deeper": "data/{0}/day/{1}/x/{2}"}[order]
    expected = {}
    for name, split in zip(theirs, ours, strict=True):
        for emotion in EMOTIONS:
            path = places.format(name, emotion, f"{split}.png")
            write(tmp_path, path)
            expected[path.removeprefix("data/")] = split
    faces = read(tmp_path)
    assert splits_of(faces) == expected
    said = [line for line in faces.readings if line.startswith("read the splits")]
    assert bool(said) == (set(theirs) != set(ours))


def test_splits_that_may_be_either_and_folders_that_may_be_splits(tmp_path):
    a = write(tmp_path / "a", *(f"{split}/{emotion}/0.png" for split in ("train", "eval") for emotion in EMOTIONS))
    assert "'eval' may be validation or test; set data.splits to {eval: validation} or {eval: test}" in refused(a)
    assert set(splits_of(read(a, splits={"Eval": "test"})).values()) == {"train", "test"}
    b = write(tmp_path / "b", *(f"{part}/{emotion}/0.png" for part in ("gallery", "probe") for emotion in EMOTIONS))
    assert "the folders gallery, probe may be splits or mere parts; set data.splits to {gallery: train" in refused(b)
    found = splits_of(read(b, splits={"gallery": "train", "probe": "ignore"}))
    assert set(found.values()) == {"train"}
    assert len(found) == 7
    write(b, *(f"train/{emotion}/0.png" for emotion in EMOTIONS))
    assert "folder 'gallery' stands beside the splits train and is none; say what it is in data.splits" in refused(b)
    write(e := tmp_path / "unlabelled", *(f"train/{emotion}/0.png" for emotion in EMOTIONS), "test/0.png", "test/1.png")
    assert "test/0.png: the image lies in no emotion's folder; move or remove it, or leave its split out" in refused(e)
    assert "left out 2 images by data.splits" in read(e, splits={"test": "ignore"}).readings
    c = write(tmp_path / "c", "train/happy/val/0.png", "train/sad/0.png")
    assert "train/happy/val/0.png: the folders name two splits, train and val" in refused(c)
    d = write(tmp_path / "d", *(f"test/{part}/{emotion}/0.png" for part in ("train", "test") for emotion in EMOTIONS))
    assert sorted(set(splits_of(read(d)).values())) == ["test", "train"]
    e = write(tmp_path / "e", *(f"{folder}{emotion}/0.png" for folder in ("", "test/") for emotion in EMOTIONS))
    assert "read 7 images outside the splits' folders as train" in read(e).readings
    with pytest.raises(
        UserError, match=r"params.yaml: data.splits: gallery: 'learn' is no split; use train, validation"
    ):
        split_setting({"gallery": "learn"})


@pytest.mark.parametrize("name", ["0_angry", "0-Angry", "00 angry", "angry 0", "(0) anger", "angry_faces", "1.ANGRY"])
def test_names_with_numbers_and_words_around_the_emotion(tmp_path, name):
    faces = read(write(tmp_path, f"{name}/0.png", "happy/0.png"))
    assert emotions_of(faces) == {f"{name}/0.png": "angry", "happy/0.png": "happy"}
    assert f"read as emotions: {name} as angry" in faces.readings


def test_a_class_that_is_none_of_ours(tmp_path):
    write(tmp_path, *(f"{name}/{i}.png" for name in ("anger", "contempt", "happiness") for i in range(2)))
    message = refused(tmp_path)
    assert "contempt/0.png: folder 'contempt' names no emotion; rename it to one of angry, disgust" in message
    assert "or say what it means in data.labels, such as {contempt: ignore}" in message
    for setting in ({"contempt": "ignore"}, {"Contempt ": "Ignore"}, {"*": "ignore"}, "ckplus", "affectnet", "ferplus"):
        faces = read(tmp_path, labels=setting)
        assert set(faces.table["emotion"]) == {"angry", "happy"}
        assert "left out by their label: contempt 2" in faces.readings
    assert set(read(tmp_path, labels={"contempt": "disgust"}).table["emotion"]) == {"angry", "disgust", "happy"}


def test_folders_in_another_language(tmp_path):
    write(tmp_path, "train/froh/0.png", "train/traurig/0.png", "test/froh/0.png")
    assert "folder 'froh' names no emotion" in refused(tmp_path)
    faces = read(tmp_path, labels={"froh": "happy", "traurig": "sadness"})
    assert sorted(emotions_of(faces).values()) == ["happy", "happy", "sad"]
    assert "leave out all 3 images; keep some" in refused(tmp_path, labels={"froh": "ignore", "traurig": "ignore"})
    unused = read(tmp_path, labels={"froh": "happy", "traurig": "sad", "boese": "angry"})
    assert "data.labels names boese, which is no label there" in unused.readings


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("raf", "unknown data set 'raf'; did you mean rafdb?, or write your own, such as {contempt: ignore}"),
        ({"froh": "glad"}, "froh: 'glad' is no emotion; use one of angry, disgust"),
        ({"*": "happy"}, "'*' stands for all labels not named and can only be ignored"),
    ],
)
def test_a_mapping_that_names_no_emotion(setting, words):
    with pytest.raises(UserError, match=r"^params.yaml: data.labels:") as caught:
        Labels.of(setting)
    assert words in str(caught.value)


def test_numbered_folders_are_fer2013s_codes_or_must_be_named(tmp_path):
    a = write(tmp_path / "a", *(f"{split}/{code}/0.png" for split in ("train", "test") for code in range(7)))
    faces = read(a)
    assert emotions_of(faces)["test/3/0.png"] == "happy"
    assert any(
        line.startswith("read 7 folders as FER-2013's codes 0 to 6: 0 angry, 1 disgust") for line in faces.readings
    )
    b = write(tmp_path / "b", *(f"{code}/x.png" for code in range(1, 8)))
    message = refused(b)
    assert "the labels are the numbers 1, 2, 3, 4, 5, 6, 7, which may be those of several data sets" in message
    assert "rafdb (RAF-DB: 1 surprise, 2 fear, 3 disgust)" in message
    assert "ckplus (CK+: 1 anger, 2 contempt, 3 disgust)" in message
    assert emotions_of(read(b, labels="rafdb")) == {f"{n}/x.png": name for n, name in enumerate(RAF, 1)}
    own = dict(enumerate(EMOTIONS, 1))
    assert emotions_of(read(b, labels=own)) == {f"{n}/x.png": name for n, name in own.items()}
    assert "2/x.png: folder '2' names no emotion" in refused(b, labels={1: "happy"})
    assert len(read(b, labels={1: "happy", "02": "sad", "*": "ignore"}).table) == 2
    c = write(tmp_path / "c", *(f"{code}/x.png" for code in range(8)))
    assert "affectnet (AffectNet: 0 neutral, 1 happy, 2 sad); ckplus (CK+: 0 neutral" in refused(c)
    assert "left out by their label: 7 (contempt) 1" in read(c, labels="affectnet").readings
    d = write(tmp_path / "d", *(f"{code}/x.png" for code in range(12)))
    assert "no data set's known codes; say what each means in data.labels, such as {0: angry" in refused(d)
    e = write(tmp_path / "e", *(f"{person}/{code}/x.png" for person in range(2) for code in range(7)))
    assert "numbered folders on two levels (0/0), either of which may be the label" in refused(e)
    f = write(tmp_path / "f", "happy/0.png", "3/0.png")
    assert "both names and numbers are labels" in refused(f)


def test_raf_db_as_it_comes(tmp_path):
    """Numbered folders with a label CSV for each split, or a list beside aligned faces and their photos."""
    a, b = tmp_path / "a", tmp_path / "b"
    lines = []
    for split in ("train", "test"):
        rows = ["image,label"]
        for code in range(1, 8):
            name = f"{split}_{code:05}"
            write(a, f"DATASET/{split}/{code}/{name}_aligned.jpg")
            write(b, f"basic/Image/aligned/{name}_aligned.jpg", f"basic/Image/original/{name}.jpg")
            rows.append(f"{name}_aligned.jpg,{code}")
            lines.append(f"{name}.jpg {code}")
        text(a, f"{split}_labels.csv", *rows)
    text(b, "basic/EmoLabel/list_patition_label.txt", *lines)
    for root in (a, b):
        faces = read(root)
        assert faces.table["emotion"].tolist() == list(RAF) * 2
        assert faces.table["split"].tolist() == ["test"] * 7 + ["train"] * 7
        assert any("as RAF-DB's codes 1 to 7: 1 surprise" in line for line in faces.readings)
    assert "passed over 14 of 28 images, which no row of a table labels" in faces.readings
    text(a, "train_labels.csv", "image,label", *(f"train_{code:05}_aligned.jpg,{8 - code}" for code in range(1, 8)))
    assert "train_labels.csv says" in refused(a)


def test_affectnet_and_ck_plus_with_a_file_beside_each_image(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for number in range(9):
        write(a, f"train_set/images/{number}.jpg")
        (a / "train_set/annotations").mkdir(exist_ok=True)
        np.save(a / f"train_set/annotations/{number}_exp.npy", str(number))
        np.save(a / f"train_set/annotations/{number}_val.npy", "0.5")
    assert "7.jpg: label '7' is AffectNet's contempt, which is none of our emotions; set data.labels to aff" in refused(
        a
    )
    faces = read(a, labels="affectnet")
    assert faces.table["emotion"].tolist() == ["neutral", "happy", "sad", "surprise", "fear", "disgust", "angry"]
    for person, sequence, code in (("S005", "001", 3), ("S010", "002", 5), ("S010", "003", 2)):
        frames = [f"{person}_{sequence}_{frame:08}" for frame in (1, 2, 3)]
        write(b, *(f"cohn-kanade-images/{person}/{sequence}/{frame}.png" for frame in frames))
        text(b, f"Emotion/{person}/{sequence}/{frames[-1]}_emotion.txt", f"   {code}.0000000e+00")
    faces = read(b, labels="ckplus")
    assert faces.table["emotion"].tolist() == ["disgust", "happy"]
    assert faces.table["subject"].tolist() == ["S005", "S010"]
    assert "passed over 6 of 9 images, which have no such file" in faces.readings
    text(b, "Emotion/S005/001/S005_001_00000003_emotion.txt", "three")
    assert "label is 'three', not a code from 0 to 7" in refused(b, labels="ckplus")


def test_jaffe_and_kdef_by_their_file_names(tmp_path):
    a = write(
        tmp_path / "a", *(f"{who}.{code}1.{i}.tiff" for who in ("KA", "YM") for i, code in enumerate(("FE", *LETTERS)))
    )
    text(a, "README", "about")
    faces = read(a)
    assert faces.table["emotion"].tolist() == ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"] * 2
    assert faces.table["subject"].tolist() == ["KA"] * 7 + ["YM"] * 7
    assert any(line.startswith("read 7 file names as JAFFE's codes") for line in faces.readings)
    people = ("AF01", "BM35")
    b = write(
        tmp_path / "b",
        *(f"KDEF/{who}/{who}{code}{turn}.JPG" for who in people for code in ("AF", *LETTERS) for turn in ("S", "HL")),
    )
    faces = read(b)
    assert faces.table["emotion"].value_counts().to_dict() == dict.fromkeys(EMOTIONS, 4)
    assert set(faces.table["subject"]) == {"F01", "M35"}
    assert set(faces.table["angle"]) == {"S", "HL"}


def test_expw_takes_every_face_by_its_box(tmp_path):
    photo = np.zeros((100, 200), np.uint8)
    photo[:, 100:] = 200
    write_image(tmp_path / "image/angry_actor_1.png", photo)
    rows = ("angry_actor_1.png 0 0 0 100 100 20.5 3", "angry_actor_1.png 1 0 100 200 100 20.5 0")
    text(tmp_path, "label.lst", *rows)
    faces = read(tmp_path)
    assert emotions_of(faces) == {"angry_actor_1.png face 0": "happy", "angry_actor_1.png face 1": "angry"}
    assert faces.images.mean(axis=(1, 2)).tolist() == [0, 200]
    text(tmp_path, "label.lst", "angry_actor_1.png 0 0 900 990 100 20.5 3")
    assert "angry_actor_1.png: the box (900, 0, 990, 100) lies outside of it; replace or remove it" in refused(tmp_path)
    text(tmp_path, "label.lst", "angry_actor_1.png 0 0 x 990 100 20.5 3")
    assert "the box x 0 990 100 is no four numbers" in refused(tmp_path)


def test_ferplus_folders_take_the_majority_of_the_votes(tmp_path):
    for split, rows in (("Train", ("4,0,0,1,3,2", "0,6,0,1,1,0")), ("Test", ("0,0,0,0,9,1", "5,5,0,0,0,0"))):
        names = [f"fer{split}{i}.png" for i in range(2)]
        write(tmp_path, *(f"FER2013{split}/{name}" for name in names))
        votes = (f'{name},"(0, 0, 48, 48)",{row},0,0,0,0' for name, row in zip(names, rows, strict=True))
        text(tmp_path, f"FER2013{split}/label.csv", *votes)
    assert "label 'unknown' is FER+'s unknown, which is none of our emotions; set data.labels to ferplus" in refused(
        tmp_path
    )
    faces = read(tmp_path, labels="ferplus")
    assert list(zip(faces.table["emotion"], faces.table["split"], strict=True)) == [
        ("angry", "test"),
        ("neutral", "train"),
        ("happy", "train"),
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("file,emotion", "{i}.png,{name}"),
        ("emotion,file", "{name},{i}.png"),
        ("Image_Name;Expression", "{i}.png;{name}"),
        ("filepath\tlabel", "images/{i}.png\t{name}"),
        ("path,class", "some/where/images/{i}.png,{name}"),
        ("id,emotion,age,valence", "{i},{name},30,0.1"),
        ("image,label", "{i}.PNG,{code}"),
        ("image,label", "images\\{i}.png,{code}.0"),
        (None, "{i}.png,{code}"),
        (None, "images/{i}.png {name}"),
    ],
)
@pytest.mark.parametrize("table", ["labels.csv", "images/list.txt"])
def test_a_table_beside_a_flat_folder(tmp_path, header, row, table):
    write(tmp_path, *(f"images/{i}.png" for i in range(8)))
    rows = [row.format(i=i, name=name, code=code) for i, (code, name) in enumerate(enumerate(EMOTIONS))]
    text(tmp_path, table, *([header] if header else []), *rows)
    faces = read(tmp_path)
    assert emotions_of(faces) == {f"{i}.png": name for i, name in enumerate(EMOTIONS)}
    assert "passed over 1 of 8 images, which no row of a table labels" in faces.readings
    assert ("age" in faces.table) == (header is not None and ",age" in header)
    assert "valence" not in faces.table


def test_a_tables_splits_groups_and_mistakes(tmp_path):
    write(tmp_path, *(f"{i}.png" for i in range(4)))
    rows = ("0.png,happy,train,p1,9", "1.png,sad,test,p2,8", "2.png,sad,train,p2,7", "3.png,happy,val,p3,6")
    text(tmp_path, "t.csv", "file,emotion,usage,Subject,score", *rows)
    faces = read(tmp_path)
    assert list(splits_of(faces).values()) == ["train", "test", "train", "validation"]
    assert faces.table["Subject"].tolist() == ["p1", "p2", "p2", "p3"]
    assert "score" not in faces.table
    assert read(tmp_path, groups=["score"]).table["score"].tolist() == ["9", "8", "7", "6"]
    assert "data.csv.groups: no column 'scores' in the header; did you mean score?" in refused(
        tmp_path, groups=["scores"]
    )
    assert "data.csv.label: no column 'moods' in the header" in refused(tmp_path, label="moods")
    text(tmp_path, "t.csv", "file,emotion,label", "0.png,happy,0", "1.png,sad,1")
    assert "the columns emotion and label may both be the label; set data.csv to {label: emotion}" in refused(tmp_path)
    assert read(tmp_path, label="emotion").table["emotion"].tolist() == ["happy", "sad"]
    text(tmp_path, "t.csv", "file,emotion", "0.png,happy", "0.png,sad")
    assert "t.csv: 0.png is labelled twice, 'happy' and 'sad'; keep one row" in refused(tmp_path)
    text(tmp_path, "t.csv", "file,emotion", "0.png,happy", "9.png,sad")
    assert "passed over 1 rows of t.csv, which name no image" in read(tmp_path).readings
    text(tmp_path, "t.csv", "file,emotion", "8.png,happy", "9.png,sad")
    assert "0.png: neither its folder nor its name says an emotion" in refused(tmp_path)
    write(tmp_path, "a/x.png", "b/x.png")
    text(tmp_path, "t.csv", "file,emotion", "x.png,happy")
    assert "t.csv: row 1 after the header: 'x.png' may be a/x.png or b/x.png; write the path" in refused(tmp_path)
    write(tmp_path, "train/y.png", "test/y.png")
    text(tmp_path, "t.csv", "file,emotion,split", "y.png,happy,train", "y.png,sad,Test")
    assert emotions_of(read(tmp_path)) == {"test/y.png": "sad", "train/y.png": "happy"}
    text(tmp_path, "t.csv", "file,angry,happy,sad", "0.png,0,1,0", "1.png,0,0,1", "2.png,1,0,0")
    assert list(emotions_of(read(tmp_path)).values()) == ["happy", "sad", "angry"]
    text(tmp_path, "t.csv", "file,emotion", "a/x.png,happy", "b/x.png,sad")
    assert emotions_of(read(tmp_path)) == {"a/x.png": "happy", "b/x.png": "sad"}


def test_a_table_and_folders_must_agree(tmp_path):
    names = [f"{emotion}{i}.png" for emotion in EMOTIONS for i in range(2)]
    write(tmp_path, *(f"{name[:-5]}/{name}" for name in names))
    text(tmp_path, "t.csv", "file,label", *(f"{name},{EMOTIONS.index(name[:-5])}" for name in names))
    assert len(read(tmp_path).table) == 14
    wrong = [f"{name},{6 if name == 'sad1.png' else EMOTIONS.index(name[:-5])}" for name in names]
    text(tmp_path, "t.csv", "file,label", *wrong)
    assert "sad/sad1.png: t.csv says '6' of it, and its place 'sad'; to go by the table set data.csv" in refused(
        tmp_path
    )
    assert emotions_of(read(tmp_path, label="label"))["sad/sad1.png"] == "neutral"


def test_labels_in_file_names_and_people_in_folders(tmp_path):
    a = write(tmp_path / "a", *(f"sub{i}-{emotion}-01.png" for i, emotion in enumerate(EMOTIONS)))
    faces = read(a)
    assert sorted(faces.table["emotion"]) == sorted(EMOTIONS)
    assert "read labels in file names, such as angry in sub0-angry-01.png" in faces.readings
    write(a, "sub8-01.png")
    assert "sub0-angry-01.png: neither its folder nor its name says an emotion" in refused(a)
    b = write(tmp_path / "b", *(f"subject_{i}/{emotion}/0.png" for i in range(5) for emotion in EMOTIONS))
    assert set(read(b).table["subject"]) == {f"subject_{i}" for i in range(5)}


def test_what_is_no_image_is_passed_over_and_counted(tmp_path):
    write(tmp_path, *(f"images/train/{emotion}/0.png" for emotion in EMOTIONS))
    for path in ("README.md", "LICENSE", "images/train/happy/notes.txt", "images/train/sad/labels.xlsx"):
        text(tmp_path, path, "about happy 0.png")
    faces = read(tmp_path)
    assert faces.table["source_id"].iloc[0] == "train/angry/0.png"
    assert "passed over 4 files that are no images: LICENSE, README.md, train/happy/notes.txt, ..." in faces.readings


def test_texts_that_are_no_tables(tmp_path):
    write(tmp_path, *(f"{emotion}/0.png" for emotion in EMOTIONS))
    text(tmp_path, "a.txt", "Image data set of faces, label by label", "0.png is an image")
    text(tmp_path, "b.csv", "image,emotion", '"0.png,happy')
    text(tmp_path, "c.csv", "image,emotion", "other.png,happy,1,2,3", "x")
    (tmp_path / "d.csv").write_bytes(b"image,\xff\xfe\x00")
    os.mkfifo(tmp_path / "e.csv")
    with (tmp_path / "f.csv").open("wb") as file:
        file.write(b"pixels\n")
        file.truncate(10**12)  # a hole: it takes no space
    assert len(read(tmp_path).table) == 7
    with (tmp_path / "f.csv").open("r+b") as file:
        file.write(b"image,label\n")
    assert "f.csv: cannot be read (more than 1024 MB); mend or remove it" in refused(tmp_path)


def test_all_images_twice_are_read_once(tmp_path):
    write(tmp_path, *(f"images/{split}/{emotion}/0.png" for split in ("train", "test") for emotion in EMOTIONS))
    shutil.copytree(tmp_path / "images", tmp_path / "copy")
    (tmp_path / "copy").rename(tmp_path / "images/images")
    faces = read(tmp_path)
    assert len(faces.table) == 14
    assert "read 14 images once: images holds the same files again" in faces.readings
    write(tmp_path, "images/images/test/happy/0.png")
    assert len(read(tmp_path).table) == 28


def pack(folder: Path, path: Path) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(
            path, "w:" + {".gz": "gz", ".tgz": "gz", ".bz2": "bz2", ".xz": "xz", ".tar": ""}[path.suffix]
        ) as tar:
            tar.add(folder, folder.name)
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_an_archive_reads_like_its_folder(tmp_path, name):
    write(tmp_path / "faces", *(f"train/{emotion}/{i}.png" for emotion in EMOTIONS for i in range(2)))
    packed = read(pack(tmp_path / "faces", tmp_path / name))
    assert packed.name == "a"
    assert packed.table.equals(read(tmp_path / "faces").table)
    text(tmp_path, "csv/fer2013.csv", csv_text(random_faces(3), [3, 0, 6], USAGES))
    text(tmp_path, "csv/README", "about")
    table = read_csv(pack(tmp_path / "csv", tmp_path / name))
    assert table.table["emotion"].tolist() == ["happy", "angry", "neutral"]
    assert "set data.source: csv" in refused(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    for cut in (20, len(data) // 2):
        (tmp_path / name).write_bytes(data[:cut])
        assert refused(tmp_path / name).startswith(f"{tmp_path}/{name}: ")
        assert refused(tmp_path / name, read_csv).startswith(f"{tmp_path}/{name}: ")


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "happy/../../evil.png"])
def test_a_tar_with_an_escaping_path_or_a_link_is_refused(tmp_path, name):
    image = cv2.imencode(".png", random_faces(1)[0])[1].tobytes()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(image)
        tar.addfile(entry, io.BytesIO(image))
    assert "points outside the tar; do not trust this file" in refused(tmp_path / "a.tar")
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        entry = tarfile.TarInfo("happy/link.png")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(entry)
    assert "entry 'happy/link.png' is a link or no regular file; unpack the archive" in refused(tmp_path / "b.tar")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        entry = zipfile.ZipInfo("happy/link.png")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/hostname")
    assert "entry 'happy/link.png' is a link or no regular file" in refused(tmp_path / "c.zip")


def test_archives_that_are_not_read_and_broken_links(tmp_path):
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(50))
    assert "7z archives are not read; unpack it" in refused(tmp_path / "a.7z")
    assert "7z archives are not read; unpack it" in refused(tmp_path / "a.7z", read_csv)
    write(tmp_path / "faces", *(f"{emotion}/0.png" for emotion in EMOTIONS))
    (tmp_path / "faces/happy/gone.png").symlink_to(tmp_path / "nowhere.png")
    assert "happy/gone.png: cannot be read (No such file or directory)" in refused(tmp_path / "faces")
    (tmp_path / "f.csv").write_text("emotion,pixels\n")
    assert "f.csv: is a CSV; set data.source: csv" in refused(tmp_path / "f.csv")
    os.mkfifo(tmp_path / "p.csv")
    assert "p.csv: cannot be read (no regular file)" in refused(tmp_path / "p.csv", read_csv)


def encoded(kind: str) -> bytes:
    """An image of 40x40, dark above and light below, in a form that is seldom met."""
    from PIL import Image

    grey = np.full((40, 40), 40, np.uint8)
    grey[20:] = 220
    image, target = Image.fromarray(grey), io.BytesIO()
    forms = {
        "palette": (image.convert("P"), "png"),
        "one bit": (image.convert("1", dither=Image.Dither.NONE), "png"),
        "grey and alpha": (image.convert("LA"), "png"),
        "alpha": (image.convert("RGBA"), "webp"),
        "CMYK": (image.convert("RGB").convert("CMYK"), "jpeg"),
        "16 bit": (Image.fromarray(grey.astype(np.uint16) * 257), "png"),
        "16 bit TIFF": (Image.fromarray(grey.astype(np.uint16) * 257), "tiff"),
        "animated": (image.convert("P"), "gif"),
        "Netpbm": (image, "ppm"),
    }
    chosen, form = forms[kind]
    more = {"save_all": True, "append_images": [Image.new("P", (40, 40))]} if kind == "animated" else {}
    chosen.save(target, form, **more)
    return target.getvalue()


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        *(("palette", "png"), ("one bit", "png"), ("grey and alpha", "png"), ("alpha", "webp"), ("CMYK", "jpg")),
        *(("16 bit", "png"), ("16 bit TIFF", "tif"), ("animated", "gif"), ("Netpbm", "pgm")),
    ],
)
def test_seldom_kinds_of_images_are_read(tmp_path, kind, ending):
    (tmp_path / "happy").mkdir()
    (tmp_path / f"happy/0.{ending}").write_bytes(encoded(kind))
    image = read(tmp_path).images[0]
    assert image[:16].mean() < 60
    assert image[-16:].mean() > 190


def test_one_image_size_for_all(tmp_path):
    write(tmp_path / "a", "happy/0.png", "sad/0.png")
    faces = read_folder(tmp_path / "a", Reading(image_size=100))
    assert faces.images.shape == (2, 100, 100)
    assert "resized to 100x100 pixels (data.image_size) from 12x12" in faces.readings
    large = np.random.default_rng(0).integers(0, 256, (3, 100, 100), np.uint8)
    text(tmp_path, "b.csv", csv_text(large, [3, 0, 6], USAGES))
    np.testing.assert_array_equal(read_csv(tmp_path / "b.csv", reading=Reading(image_size=100)).images, large)
    small = read_csv(tmp_path / "b.csv")
    assert small.images.shape == (3, 48, 48)
    assert "resized to 48x48 pixels (data.image_size) from 100x100" in small.readings


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("EMOTION,Pixels,usage", "{code},{pixels},{usage}"),
        ("emotion, Usage, pixels", "{code}, {usage}, {pixels}"),
        ("label,pixels,split", "{name},{pixels},{usage}"),
        ("emotion;pixels;Usage", "{code};{pixels};{usage}"),
        ("emotion,pixels,Usage", "{code}.0,{pixels},{lower}"),
        ("Expression,Usage," + ",".join(f"pixel{i}" for i in range(2304)), "{code},{usage},{wide}"),
    ],
)
@pytest.mark.parametrize("last", ["", "   \n", ",,\n", "\r\n\r\n"])
def test_headers_codes_and_last_lines_of_a_csv(tmp_path, header, row, last):
    images = random_faces(7)
    usages = [USAGES[i % 3] for i in range(7)]
    lines = [
        row.format(
            code=code,
            name=name,
            usage=usage,
            lower=usage.lower(),
            pixels=" ".join(map(str, image.ravel())),
            wide=",".join(map(str, image.ravel())),
        )
        for code, (name, usage, image) in enumerate(zip(EMOTIONS, usages, images, strict=True))
    ]
    (tmp_path / "f.csv").write_text("\n".join([header, *lines, last]))
    faces = read_csv(tmp_path / "f.csv")
    assert faces.table["emotion"].tolist() == list(EMOTIONS)
    assert faces.table["split"].tolist() == ["train", "validation", "test"] * 2 + ["train"]
    np.testing.assert_array_equal(faces.images, images)


def test_a_csv_without_usage_is_carved_as_a_folder_is(tmp_path):
    images = random_faces(140)
    rows = [f"{i % 7},{' '.join(map(str, image.ravel()))}" for i, image in enumerate(images)]
    text(tmp_path, "train.csv", "emotion,pixels", *rows)
    dataset, report = build_dataset(data_params(path=tmp_path / "train.csv"))
    assert dataset.counts().sum(axis=1).to_dict() == {"train": 89, "validation": 23, "test": 28}
    assert "carved validation (23 images) and test (28 images) out of train" in report["readings"]


def test_the_challenges_zip_and_one_csv_for_each_split(tmp_path):
    whole = csv_text(random_faces(6), [0, 1, 2, 3, 4, 5], USAGES * 2)
    cells = list(csv.reader(io.StringIO(whole)))[1:]
    for name, tables in {
        "a.zip": {
            "icml_face_data.csv": whole,
            "train.csv": "\n".join(["emotion,pixels", *(f"{label},{pixels}" for label, pixels, _ in cells[:2])]),
            "test.csv": "\n".join(["pixels", *(pixels for _, pixels, _ in cells[2:])]),
        },
        "b.zip": {
            f"{split}.csv": "\n".join(
                ["emotion,pixels", *(f"{label},{pixels}" for label, pixels, use in cells if use == usage)]
            )
            for split, usage in zip(("train", "val", "test"), USAGES, strict=True)
        },
    }.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for inside, content in tables.items():
                archive.writestr(inside, content)
        faces = read_csv(tmp_path / name)
        assert faces.table["split"].value_counts().to_dict() == {"train": 2, "validation": 2, "test": 2}
    assert "read icml_face_data.csv; passed over test.csv, train.csv" in read_csv(tmp_path / "a.zip").readings
    assert faces.table["source_id"].tolist()[:2] == ["test.csv row 1", "test.csv row 2"]


@pytest.mark.parametrize(("ending", "pack_up"), [(".bz2", bz2.compress), (".gz", gzip.compress)])
def test_a_compressed_csv(tmp_path, ending, pack_up):
    (tmp_path / f"f.csv{ending}").write_bytes(pack_up(csv_text(random_faces(3), [3, 0, 6], USAGES).encode()))
    assert read_csv(tmp_path / f"f.csv{ending}").table["emotion"].tolist() == ["happy", "angry", "neutral"]
    (tmp_path / f"g.csv{ending}").write_bytes(pack_up(csv_text(random_faces(3), [3, 0, 6], USAGES).encode())[:-300])
    assert "damaged or cut off" in refused(tmp_path / f"g.csv{ending}", read_csv)


def test_a_csvs_codes_of_another_set_and_rows_of_other_lengths(tmp_path):
    text(tmp_path, "f.csv", csv_text(random_faces(3), [0, 7, 1], USAGES))
    message = refused(tmp_path / "f.csv", read_csv)
    assert (
        "row 2 after the header: emotion is '7', not a code from 0 to 6; set data.labels to ferplus or rafdb" in message
    )
    for setting, expected in (
        ("ckplus", ["neutral", "surprise", "angry"]),
        ({0: "sad", 7: "fear", 1: "happy"}, ["sad", "fear", "happy"]),
    ):
        assert read_csv(tmp_path / "f.csv", reading=reading(setting)).table["emotion"].tolist() == expected
    one, other = (" ".join(["7"] * side * side) for side in (48, 47))
    text(tmp_path, "g.csv", "emotion,pixels", f"0,{one}", f"1,{other}")
    assert "row 2 after the header: 2,209 pixels, not 2,304 (48x48); mend" in refused(tmp_path / "g.csv", read_csv)
    text(tmp_path, "h.csv", "image,emotion", "0.png,happy")
    assert f"give the folder of both, {tmp_path}, which data.source: folder reads" in refused(
        tmp_path / "h.csv", read_csv
    )
    text(tmp_path, "i.csv", "emotion,pixels,gender,note", f"0,{one},f,x")
    faces = read_csv(tmp_path / "i.csv")
    assert faces.table["gender"].tolist() == ["f"]
    assert "passed over the columns note (data.csv names others)" in faces.readings


CASE_COUNTS = {
    "emotion_then_split.zip": {"train": 70, "test": 14},
    "numbered_folders.zip": {"train": 70, "test": 14},
    "usage_folders.zip": {"train": 56, "validation": 14, "test": 14},
    "readme_beside_wrapper.zip": {"train": 70, "test": 14},
    "fer2013.tar.gz": {"train": 56, "validation": 14, "test": 14},
    "ck48_contempt.zip": {"train": 72},
    "c08_no_usage.csv": {"train": 2},
}


@pytest.mark.skipif(not CASES.is_dir(), reason="the inputs that failed are not here")
@pytest.mark.parametrize("name", CASE_COUNTS)
def test_the_inputs_that_failed(name):
    how = read_folder if name.endswith(".zip") else read_csv
    faces = how(CASES / name, reading=reading({"contempt": "ignore"} if "contempt" in name else None))
    assert faces.table["split"].value_counts().to_dict() == CASE_COUNTS[name]
    classes = {"ck48_contempt.zip": 6, "c08_no_usage.csv": 1}.get(name, 7)
    assert faces.table["emotion"].nunique() == classes
