import gzip
import os
import tarfile
import threading
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from face_files import random_faces, write_folders, write_image
from hypothesis import given
from hypothesis import strategies as st

from fer.data import kaggle_source
from fer.data.folder_source import read_folder
from fer.data.kaggle_source import read_kaggle
from fer.errors import UserError
from fer.inference.resize import to_face


def zip_folder(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def read_error(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_folder(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_split_and_emotion_come_from_the_folders(tmp_path):
    root = tmp_path / "faces"
    images = random_faces(4)
    for image, path in zip(
        images,
        ["Train/Anger/a.png", "test/happy/deep/b.png", "train/fear/c.png", "val/surprised/d.png"],
        strict=True,
    ):
        write_image(root / path, image)
    faces = read_folder(root)
    assert faces.name == "faces"
    assert faces.table.to_dict("list") == {
        "source_width": [48] * 4,
        "source_height": [48] * 4,
        "split": ["train", "test", "train", "validation"],
        "emotion": ["angry", "happy", "fear", "surprise"],
        "source_id": ["Train/Anger/a.png", "test/happy/deep/b.png", "train/fear/c.png", "val/surprised/d.png"],
    }
    np.testing.assert_array_equal(faces.images, images)


def test_folders_without_splits_are_all_train(tmp_path):
    write_folders(tmp_path / "faces", [""], 1)
    assert read_folder(tmp_path / "faces").table["split"].unique().tolist() == ["train"]


def test_a_zip_reads_like_its_folder(tmp_path):
    write_folders(tmp_path / "faces", ["train", "test"], 2)
    from_folder = read_folder(tmp_path / "faces")
    from_zip = read_folder(zip_folder(tmp_path / "faces", tmp_path / "archive.zip"))
    assert from_zip.name == "archive"
    assert from_zip.table.equals(from_folder.table)
    np.testing.assert_array_equal(from_zip.images, from_folder.images)


def test_what_systems_leave_behind_is_passed_over(tmp_path):
    root = tmp_path / "faces"
    write_folders(root, ["train"], 1)
    (tmp_path / "__MACOSX/train/angry").mkdir(parents=True)
    for name in (".DS_Store", "faces/train/angry/Thumbs.db", "faces/train/angry/._00.png", "faces/README.txt"):
        (tmp_path / name).write_text("no image")
    (tmp_path / "__MACOSX/train/angry/00.png").write_text("no image")
    assert len(read_folder(tmp_path).table) == 7


def test_any_size_and_colour_becomes_grey_48(tmp_path):
    colour = np.zeros((200, 100, 3), np.uint8)
    colour[:100] = (0, 0, 255)
    write_image(tmp_path / "happy/large.jpg", colour)
    write_image(tmp_path / "happy/small.png", np.tile(np.array([[0], [200]], np.uint8), (5, 10)))
    write_image(tmp_path / "happy/alpha.png", np.full((48, 48, 4), 90, np.uint8))
    write_image(tmp_path / "happy/deep.png", np.full((48, 48), 0x4000, np.uint16))
    alpha, deep, large, small = read_folder(tmp_path).images
    assert (alpha == 90).all()
    assert (deep == 0x40).all()
    assert abs(int(large[10, 10]) - 76) <= 3  # the luma of pure red
    assert large[40, 40] <= 3
    assert small.std() > 50


def test_shrinking_averages():
    stripes = np.tile(np.array([0, 100], np.uint8), (96, 48))
    assert (to_face(stripes) == 50).all()
    assert (to_face(stripes[:20]) == 50).all()


@given(st.integers(1, 120), st.integers(1, 120), st.integers(0, 255))
def test_resizing_keeps_a_plain_image_plain(height, width, value):
    grey = to_face(np.full((height, width), value, np.uint8))
    assert grey.shape == (48, 48)
    assert (grey == value).all()


def test_group_columns_join(tmp_path):
    write_folders(tmp_path, ["train"], 1)
    (tmp_path / "groups.csv").write_text("age band,file\n20-29,train/sad/00.png\nNA,train/fear/00.png\n")
    table = read_folder(tmp_path).table.set_index("source_id")
    assert table["age band"]["train/sad/00.png"] == "20-29"
    assert table["age band"]["train/fear/00.png"] == "NA"
    assert table["age band"]["train/happy/00.png"] == ""


@pytest.mark.parametrize(
    ("groups", "fault"),
    [
        (
            "file,age\ntrain/sad/99.png,1\n",
            "row 1 after the header: 'train/sad/99.png' names no image; correct the path",
        ),
        (
            "file,age\ntrain/sad/00.png,1\ntrain/sad/00.png,1\n",
            "row 2 after the header: 'train/sad/00.png' is listed twice",
        ),
        ("path,age\ntrain/sad/00.png,1\n", "no column 'file'"),
        ("file,split\ntrain/sad/00.png,1\n", "column 'split' is the data set's own; rename it"),
        ("", "cannot be read (No columns"),
        ("\udcff,", "cannot be read ('utf-8' codec"),
    ],
)
def test_groups_that_do_not_fit(tmp_path, groups, fault):
    write_folders(tmp_path, ["train"], 1)
    (tmp_path / "groups.csv").write_bytes(groups.encode(errors="surrogateescape"))
    message = read_error(tmp_path)
    assert message.startswith(f"{tmp_path}: groups.csv: ")
    assert fault in message


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"plainly text", "the file is not a PNG, JPEG, WebP, BMP, TIFF, GIF or AVIF image"),
        (b"", "the image is empty"),
        (b"\x89PNG\r\n\x1a\n cut off", "the image is cut short"),
        (b"P5 48 48 255", "a Netpbm image that cannot be decoded"),
    ],
)
def test_a_file_that_is_no_image_is_named(tmp_path, content, fault):
    write_folders(tmp_path, ["train"], 1)
    (tmp_path / "train/happy/fake.jpg").write_bytes(content)
    assert read_error(tmp_path) == f"{tmp_path}: train/happy/fake.jpg: {fault}; replace or remove it"


def test_layouts_that_cannot_be_used(tmp_path):
    assert "none: no such folder, zip or tar; check the path" in read_error(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "empty: no images in it; expected train/<emotion>" in read_error(tmp_path / "empty")
    write_folders(tmp_path / "a", ["train"], 1)
    write_image(tmp_path / "a/train/contempt/x.png", random_faces(1)[0])
    assert "train/contempt/x.png: folder 'contempt' names no emotion; rename it" in read_error(tmp_path / "a")
    write_folders(tmp_path / "b", ["train"], 1)
    write_image(tmp_path / "b/train/loose.png", random_faces(1)[0])
    assert "train/loose.png: the image lies in no emotion's folder" in read_error(tmp_path / "b")


def test_zips_that_cannot_be_used(tmp_path):
    path = tmp_path / "f.zip"
    path.write_bytes(b"")
    assert "f.zip: cannot be read as a zip (File is not a zip file)" in read_error(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "f.zip: no images in it" in read_error(path)
    write_folders(tmp_path / "faces", ["train"], 1)
    whole = zip_folder(tmp_path / "faces", path).read_bytes()
    path.write_bytes(whole[:-300])
    assert "cannot be read as a zip" in read_error(path)
    at = whole.index(b"IHDR") + 40
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert "f.zip: train/angry/00.png: cannot be read (Bad CRC-32" in read_error(path)


@pytest.mark.parametrize(
    "name",
    ["../evil.png", "train/../../happy/evil.png", "/etc/happy/evil.png", "C:\\happy\\evil.png", "..\\happy\\evil.png"],
)
def test_a_zip_with_an_escaping_path_is_refused(tmp_path, name):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), cv2.imencode(".png", random_faces(1)[0])[1].tobytes())
    assert "points outside the zip; do not trust this file" in read_error(path)
    assert [file.name for file in tmp_path.iterdir()] == ["evil.zip"]


def test_kaggle_reads_the_downloaded_folder(tmp_path, monkeypatch):
    write_folders(tmp_path / "versions/1", ["train", "test"], 1)
    handles = []
    monkeypatch.setattr(kaggle_source, "download", lambda handle: handles.append(handle) or tmp_path / "versions/1")
    faces = read_kaggle("msambare/fer2013")
    assert handles == ["msambare/fer2013"]
    assert faces.name == "FER-2013"
    assert faces.table["split"].value_counts().to_dict() == {"train": 7, "test": 7}
    assert read_kaggle("someone/faces").name == "someone/faces"


def test_a_failed_download_is_one_line(monkeypatch):
    def no_network(handle: str) -> Path:
        raise ConnectionError("Max retries exceeded\nName or service not known")

    monkeypatch.setattr(kaggle_source, "download", no_network)
    with pytest.raises(UserError, match=r"^Kaggle msambare/fer2013: download failed .*check data.kaggle") as caught:
        read_kaggle("msambare/fer2013")
    assert "\n" not in str(caught.value)


def test_links_that_lead_back_are_refused(tmp_path):
    """Two in one folder were followed in every order: 2 to the power of 40 folders."""
    write_folders(tmp_path / "faces", ["train"], 1)
    for name in ("one", "two"):
        (tmp_path / "faces/train/happy" / name).symlink_to(tmp_path / "faces/train")
    assert "train/happy/one: the link leads back to a folder above it; remove it" in read_error(tmp_path / "faces")


def test_a_linked_folder_is_read_and_a_hidden_one_is_not_walked(tmp_path):
    write_folders(tmp_path / "elsewhere", [""], 1)
    (tmp_path / "faces/.cache").mkdir(parents=True)
    (tmp_path / "faces/.cache/loop").symlink_to(tmp_path / "faces")
    (tmp_path / "faces/train").symlink_to(tmp_path / "elsewhere")
    assert len(read_folder(tmp_path / "faces").table) == 7


@pytest.mark.parametrize("name", ["train/happy/pipe.png", "groups.csv"])
def test_a_pipe_in_the_folder_is_refused(tmp_path, name):
    """Nobody writes to it: reading it would wait without end."""
    write_folders(tmp_path / "faces", ["train"], 1)
    os.mkfifo(tmp_path / "faces" / name)
    said = []
    reader = threading.Thread(target=lambda: said.append(read_error(tmp_path / "faces")), daemon=True)
    reader.start()
    reader.join(timeout=60)
    assert f"{name}: cannot be read (no regular file); get the file again" in said[0]


def test_a_pipe_as_the_data_is_refused(tmp_path):
    os.mkfifo(tmp_path / "data.zip")
    assert "data.zip: no such folder, zip or tar; check the path" in read_error(tmp_path / "data.zip")


@pytest.mark.parametrize("name", ["train/happy/huge.png", "groups.csv"])
def test_a_huge_file_is_refused_before_it_is_read(tmp_path, name):
    write_folders(tmp_path / "faces", ["train"], 1)
    path = zip_folder(tmp_path / "faces", tmp_path / "bomb.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(f"faces/{name}", "w") as entry:
        for _ in range(65):
            entry.write(bytes(2**20))
    assert f"bomb.zip: {name}: cannot be read (more than 64 MB)" in read_error(path)
    with (tmp_path / "faces" / name).open("wb") as file:
        file.truncate(10**12)  # a hole: it takes no space
    assert f"faces: {name}: cannot be read (more than 64 MB)" in read_error(tmp_path / "faces")


@pytest.mark.parametrize(
    ("beyond", "says"),
    [
        (100, "it is cut off or damaged after 22 entries"),  # in a header
        (600, "unexpected end of data"),
        (0, "it is cut off or damaged after 22 entries"),
    ],
)
def test_a_tar_that_is_cut_is_told_wherever_it_is(tmp_path, beyond, says):
    write_folders(tmp_path / "faces", ["train"], 2)
    path = tmp_path / "faces.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(tmp_path / "faces", "faces")
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1].offset
    assert len(read_folder(path).table) == 14
    os.truncate(path, last + beyond)
    for name, opened in (("faces.tar", open), ("faces.tgz", gzip.open)):
        content = path.read_bytes()
        with opened(tmp_path / name, "wb") as file:
            file.write(content)
        assert f"{name}: cannot be read as a tar ({says}); get the file again" in read_error(tmp_path / name)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    write_folders(tmp_path / "faces", ["train"], 1)
    raw = os.fsencode(tmp_path / "faces/train/happy") + b"/x\xff.png"
    try:
        Path(os.fsdecode(raw)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert "is not UTF-8; rename it" in read_error(tmp_path / "faces")
    with tarfile.open(tmp_path / "faces.tar", "w") as archive:
        archive.add(tmp_path / "faces", "faces")
    assert "is not UTF-8; rename it" in read_error(tmp_path / "faces.tar")
