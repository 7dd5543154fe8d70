"""``fer check``: planted flaws, exit codes, and what is said where something is missing."""

import errno
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from face_datasets import small_dataset
from typer.testing import CliRunner, Result
from videos import write_video

from fer.cli import app
from fer.data.dataset import FaceDataset

LEAK = "no train image is in validation or test too"
NEAR = "at most 1 % of the validation and test images have a near copy in train"


@pytest.fixture(scope="module")
def faces() -> FaceDataset:
    return small_dataset(train=28, held_out=14, classes=("happy", "sad"))


def folder_of(dataset: FaceDataset, place: Path) -> Path:
    """The images as ``<split>/<emotion>/<source_id>.png``."""
    for image, (emotion, split, name) in zip(
        dataset.images, dataset.table[["emotion", "split", "source_id"]].to_numpy(), strict=True
    ):
        folder = place / split / emotion
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / f"{name}.png"), image)
    return place


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def verdicts(found: Result) -> dict[str, str]:
    """By check its verdict, as the table says it."""
    rows = [line.split(maxsplit=1) for line in found.stdout.splitlines() if line[:1].isalpha()]
    return {words[1]: words[0] for words in rows if len(words) == 2}


def test_a_leaky_folder_ends_with_2_and_data_docs(faces: FaceDataset, tmp_path: Path):
    place = folder_of(faces, tmp_path / "faces")
    leak = next((place / "test/sad").iterdir())
    (place / "train/sad/copied.png").write_bytes(leak.read_bytes())
    cv2.imwrite(str(place / "train/happy/blank.png"), np.full((48, 48), 90, np.uint8))
    found = check(place, "--output", tmp_path / "docs")
    assert found.exit_code == 2
    assert verdicts(found)[LEAK] == "critical"
    assert verdicts(found)["no train image is blank"] == "critical"
    assert "1 (1.7 %), such as train/sad/copied.png" in found.stdout
    assert "no image is angry, disgust, fear, surprise, neutral" in found.stderr
    # Nothing is cleaned here, so no setting is the remedy.
    assert "delete the train rows in the source" in found.stdout
    assert LEAK in (tmp_path / "docs/index.html").read_text()
    assert len(list(place.rglob("*.png"))) == 114
    other = check(place, "--output", place)
    assert other.exit_code == 2
    assert "holds something else than data docs" in other.stderr


def test_mirrored_leaks_warn_which_counts_where_strict_is_asked(faces: FaceDataset, tmp_path: Path):
    images = faces.images.copy()
    images[faces.rows("train")[:4]] = images[faces.rows("test")[:4]][:, :, ::-1]
    place = folder_of(FaceDataset(faces.name, faces.classes, images, faces.table, faces.removed), tmp_path / "faces")
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for path in place.rglob("*.png"):
            archive.write(path, path.relative_to(place))
    found, strict = check(tmp_path / "faces.zip"), check(tmp_path / "faces.zip", "--strict")
    assert verdicts(found)[NEAR] == "warning"
    assert verdicts(found)[LEAK] == "passed"
    assert (found.exit_code, strict.exit_code) == (0, 1)


def test_a_csv_and_a_data_set_of_the_pipeline(faces: FaceDataset, tmp_path: Path):
    rows = ["emotion,pixels,Usage"]
    usage = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
    for image, emotion, split in zip(faces.images, faces.table["emotion"], faces.table["split"], strict=True):
        rows.append(f"{emotion},{' '.join(map(str, image.ravel()))},{usage[split]}")
    (tmp_path / "faces.csv").write_text("\n".join(rows) + "\n")
    faces.save(tmp_path / "dataset")
    found, saved = check(tmp_path / "faces.csv"), check(tmp_path / "dataset")
    assert (found.exit_code, saved.exit_code) == (0, 0)
    assert verdicts(found)[LEAK] == "passed"
    assert "checks" in saved.stdout.splitlines()[-1]


def test_settings_say_what_labels_mean(faces: FaceDataset, tmp_path: Path):
    place = folder_of(faces, tmp_path / "faces")
    for split in ("train", "validation", "test"):
        (place / split / "sad").rename(place / split / "glum")
    assert check(place).exit_code == 2
    settings = tmp_path / "own.yaml"
    settings.write_text("data: {labels: {glum: sad}}\n")
    assert check(place, "--settings", settings).exit_code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no section data in it"),
        ("data: 3\n", "data: holds no settings"),
        ("data: {imagesize: 3}\n", "data.imagesize: unknown key"),
        ("data: {image_size: 3}\n", "data.image_size: input should be greater than or equal to 32, got 3"),
    ],
)
def test_a_mistake_in_the_settings_is_one_line(tmp_path: Path, text: str, says: str):
    (tmp_path / "own.yaml").write_text(text)
    found = check(tmp_path, "--settings", tmp_path / "own.yaml")
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path / 'own.yaml'}: ")
    assert says in line


def test_pictures_and_videos_are_no_tables(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "photo.jpg"), np.zeros((48, 48), np.uint8))
    write_video(tmp_path / "clip.mp4", 2)
    (tmp_path / "bitmap.csv").write_text("BM,emotion,pixels\n")
    remedy = "pictures are read from a folder or an archive"
    for name, kind in (("photo.jpg", "a picture"), ("clip.mp4", "a video")):
        assert check(tmp_path / name).stderr == f"error: {tmp_path / name}: is {kind}, not a CSV; {remedy}\n"
    assert "no rows after the header" in check(tmp_path / "bitmap.csv").stderr


def test_a_setting_is_named_with_the_file_that_it_stands_in(tmp_path: Path):
    settings = tmp_path / "own.yaml"
    settings.write_text("data: {}\n")
    for name in ("glum", "happy"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "0.png"), np.zeros((48, 48), np.uint8))
    (line,) = check(tmp_path).stderr.splitlines()
    assert "{glum: ignore}" in line
    assert line.endswith("(data.labels: in a params.yaml that --settings names)")
    assert check(tmp_path, "--settings", settings).stderr.endswith(f"(data.labels: in {settings})\n")


def test_a_file_called_as_a_setting_is_none(tmp_path: Path):
    for name, text in (("data.csv", ""), ("data.path.csv", "kind\n1\n")):
        (tmp_path / name).write_text(text)
    assert check(tmp_path / "data.csv").stderr == f"error: {tmp_path / 'data.csv'}: the file is empty; get it again\n"
    assert check(tmp_path / "data.path.csv").stderr.startswith(f"error: {tmp_path / 'data.path.csv'}: no column")
    for name in ("data.csv", "more.csv"):
        (tmp_path / "two").mkdir(exist_ok=True)
        (tmp_path / "two" / name).write_text("emotion,pixels\n0,1 2 3 4\n")
    assert check(tmp_path / "two").stderr.endswith(": data.csv, more.csv; unpack it and give one of them\n")


def test_of_a_table_that_names_files_the_folder_is_what_to_check(tmp_path: Path):
    (tmp_path / "list.csv").write_text("image,label\na.png,happy\n")
    said = check(tmp_path / "list.csv").stderr
    assert said.endswith(f"give the folder of both, {tmp_path}, which data.source: folder reads\n")


def test_too_few_images_to_carve_names_the_data(tmp_path: Path):
    for name in ("sad", "happy"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "0.png"), np.full((48, 48), len(name), np.uint8))
    assert check(tmp_path).stderr.startswith(f"error: {tmp_path}: too few different images")


@pytest.mark.parametrize("arguments", [["--settings", "nope.yaml"], ["--output", "full"], ["--suites", "full"], []])
def test_a_mistake_need_not_wait_for_great_expectations(tmp_path: Path, arguments: list[str]):
    (tmp_path / "full/happy").mkdir(parents=True)
    code = "import atexit, sys; from fer.cli import main\n"
    code += "atexit.register(lambda: print('great_expectations' in sys.modules)); main()"
    command = [sys.executable, "-c", code, "check", "full", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (done.stdout, done.stderr[:7], done.stderr.count("\n")) == ("False\n", "error: ", 1)


def test_what_cannot_be_read_is_one_line(tmp_path: Path):
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy/0.png"), np.zeros((48, 48), np.uint8))
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and no more")
    for path, says in ((tmp_path / "none", "no such file"), (tmp_path / "broken.zip", "get the file again")):
        found = check(path)
        assert (found.exit_code, len(found.stderr.splitlines())) == (2, 1)
        assert says in found.stderr
    assert "all 1 images are happy; a data set needs two emotions" in check(tmp_path).stderr


@pytest.mark.parametrize("lacking", ["pandas", "great_expectations", "cleanlab", "faiss"])
def test_without_the_extra_it_says_what_to_install(lacking: str, tmp_path: Path):
    code = f"import sys; sys.modules[{lacking!r}] = None; from fer.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "check", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    wanted = f"error: fer check needs {lacking}, which is not installed; "
    wanted += "in a clone of the repository: pip install '.[check]'\n"
    assert done.stderr == wanted


def test_other_files_beside_data_docs_are_kept(tmp_path: Path):
    docs = tmp_path / "docs"
    (docs / "validations").mkdir(parents=True)
    for name in ("index.html", "notes.txt"):
        (docs / name).touch()
    found = check(tmp_path, "--output", docs)
    assert (found.exit_code, (docs / "notes.txt").exists()) == (2, True)
    assert "docs: holds something else than data docs" in found.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("data: {name: 2024-02-30}", "not valid YAML: day is out of range for month"),
        ("data: {x: !!int abc}", "not valid YAML: invalid literal for int()"),
        ("data:\n  labels: {a: happy\n  seed: 1", "not valid YAML: while parsing a flow mapping"),
        ("data: {name: J\xfcrgen}", "not valid YAML: 'utf-8' codec can't decode byte 0xfc"),
        ("data: " + "[" * 5000, "not valid YAML: maximum recursion depth exceeded"),
        ("- data", "no section data in it"),
        ("data: {labels: rafbd}", "data.labels: unknown data set 'rafbd'"),
        ("data: {splits: {a: foo}}", "data.splits: a: 'foo' is no split"),
        ("data: {classes: [happy, sadd]}", "data.classes: unknown class 'sadd'"),
        ("data: {reviewed: ~/x}", "data.reviewed: DVC follows no ~"),
    ],
)
def test_a_setting_that_is_wrong_is_one_line_that_names_its_file(tmp_path: Path, text: str, says: str):
    (tmp_path / "faces/happy").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "faces/happy/0.png"), np.zeros((48, 48), np.uint8))
    settings = tmp_path / "own.yaml"
    settings.write_bytes(text.encode("latin-1"))
    found = check(tmp_path / "faces", "--settings", settings)
    assert (found.exit_code, found.stderr.count("\n")) == (2, 1)
    assert found.stderr.startswith(f"error: {settings}: {says}")


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its images are not taken as absent."""
    for name in ("sad", "happy"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "0.png"), np.full((48, 48), len(name), np.uint8))
    closed, scandir = tmp_path / "sad", os.scandir

    def refuse(path: str) -> "os.ScandirIterator[str]":
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = check(tmp_path)
    assert found.exit_code == 2
    assert found.stderr == f"error: {closed}: cannot be read (Permission denied); check its permissions\n"


def test_a_failing_disk_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "faces/0.png")

    monkeypatch.setattr("fer.audit.command._read", fail)
    found = check(tmp_path)
    assert found.exit_code == 2
    assert found.stderr.startswith("error: faces/0.png: Input/output error; check its permissions")


def test_a_foreign_dataset_json_is_a_file_as_any(tmp_path: Path):
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy/0.png"), np.zeros((48, 48), np.uint8))
    (tmp_path / "dataset.json").write_text('{"images": [], "annotations": []}')
    assert "all 1 images are happy; a data set needs two emotions" in check(tmp_path).stderr


def test_a_pipe_is_no_data_set(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert check(tmp_path / "pipe").stderr == f"error: {tmp_path / 'pipe'}: is no regular file; check the path\n"
