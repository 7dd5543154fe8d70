"""``fer verify`` on copies of FER-2013 that are made here: noise in the challenge's layout, its counts made small."""

import bz2
import gzip
import lzma
import subprocess
import sys
import tarfile
import zipfile

import cv2
import numpy as np
import pytest
from onnx_models import write_card, write_model
from typer.testing import CliRunner

from fer.cli import app
from fer.commands import challenge
from fer.commands.challenge import read_private_test
from fer.commands.verify import figures
from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.errors import UserError
from fer.evaluation.metrics import evaluate
from fer.inference.classifier import Classifier
from fer.inference.resize import to_face
from fer.inference.runtime import predict_views

COUNTS = {"Training": 40, "PublicTest": 10, "PrivateTest": 30}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(challenge, "ROWS", COUNTS)
    monkeypatch.setattr("fer.commands.verify.ROWS", COUNTS)


def rows_of(seed=0):
    """Emotion, pixels and Usage by row; the last three of PrivateTest are images of Training."""
    rng = np.random.default_rng(seed)
    rows = [
        [int(rng.integers(7)), rng.integers(0, 256, 48 * 48), usage]
        for usage, count in COUNTS.items()
        for _ in range(count)
    ]
    for row in (-1, -2, -3):
        rows[row][1] = rows[row + 10 - 60][1]
    return rows


def text_of(rows, header="emotion,pixels,Usage", order=(0, 1, 2)):
    cells = [[str(code), " ".join(map(str, pixels)), usage] for code, pixels, usage in rows]
    return "\n".join([header, *(",".join(row[place] for place in order) for row in cells)]) + "\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text(text_of(rows_of()))
    return path


def verify(*arguments):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def expected(folder, rows):
    """What the pipeline's metrics say of the model in ``folder``."""
    test = [row for row in rows if row[2] == "PrivateTest"]
    faces = np.stack([row[1] for row in test]).astype(np.uint8).reshape(-1, 48, 48)
    labels = np.array([row[0] for row in test])
    kept = np.arange(len(test)) < len(test) - 3
    answers = {
        "": Classifier(folder).predict(faces),
        "_ten_views": predict_views(folder / "model.onnx", faces).mean(axis=0),
    }
    said = {}
    for views, probabilities in answers.items():
        for name, rows_kept in (("test", np.ones(len(test), bool)), ("test_without_copies", kept)):
            scores = evaluate(labels[rows_kept], probabilities[rows_kept], EMOTIONS)
            said |= {f"{name}{views}.{metric}": value for metric, value in scores.items()}
    return said


def test_it_says_the_cards_figures_where_they_are_the_files(table, tmp_path):
    folder = write_model(tmp_path / "model")
    said = expected(folder, rows_of())
    write_card(folder, dataset="FER-2013", metrics=said)
    done = verify(table, "--model", folder)
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()[:2] in ("30", "27")]
    assert [line[:2] for line in lines[::3]] == [["30", "1"], ["30", "10"], ["27", "1"], ["27", "10"]]
    assert [line[-2:] for line in lines[::3]] == [
        [f"{said[f'{split}.accuracy']:.3f}"] * 2
        for split in ("test", "test_ten_views", "test_without_copies", "test_without_copies_ten_views")
    ]
    assert "the card's figures, within 0.2 points of accuracy" in done.stdout
    assert f"model: {folder}/ (tiny, trained on FER-2013)" in done.stderr


@pytest.mark.parametrize(("metric", "by"), [("accuracy", 0.0021), ("macro_f1", -0.0051), ("ece", 0.0051)])
def test_a_figure_that_is_not_the_cards_is_exit_code_1(table, tmp_path, metric, by):
    folder = write_model(tmp_path / "model")
    said = expected(folder, rows_of())
    write_card(
        folder, dataset="FER-2013", metrics=said | {f"test_ten_views.{metric}": said[f"test_ten_views.{metric}"] + by}
    )
    done = verify(table, "--model", folder)
    assert done.exit_code == 1
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.endswith("differs")] == [["30", "10"]]
    assert "not the card's figures: 1 differ" in done.stdout


def test_a_card_without_a_figure_says_so(table, tmp_path):
    """A card of today's package has all; those of older ones have no ten views without copies."""
    folder = write_model(tmp_path / "model")
    write_card(folder, dataset="FER-2013", metrics={"test.accuracy": expected(folder, rows_of())["test.accuracy"]})
    done = verify(table, "--model", folder)
    assert done.exit_code == 0
    assert done.stdout.count(" -\n") == 11


def test_a_model_of_other_data_is_measured_and_compared_with_nothing(table, tmp_path):
    done = verify(table, "--model", write_model(tmp_path / "model", FIVE_EMOTIONS))
    assert done.exit_code == 0, done.output
    assert "no figures of FER-2013: it was trained on drawn" in done.stdout
    known = sum(row[2] == "PrivateTest" and EMOTIONS[row[0]] in FIVE_EMOTIONS for row in rows_of())
    assert done.stdout.splitlines()[1].split()[:2] == [str(known), "1"]


def test_a_model_of_larger_faces_gets_them_as_ingest_makes_them(table, tmp_path):
    """The defect: a traceback, "faces must be uint8 [N, 64, 64]"."""
    done = verify(table, "--model", write_model(tmp_path / "model", size=64))
    assert done.exit_code == 0, done.output
    test = [row for row in rows_of() if row[2] == "PrivateTest"]
    faces = np.stack([to_face(row[1].astype(np.uint8).reshape(48, 48), 64) for row in test])
    right = Classifier(tmp_path / "model").predict(faces).argmax(axis=1) == [row[0] for row in test]
    assert done.stdout.splitlines()[1].split()[3] == f"{right.mean():.3f}"


def test_a_class_that_fer_2013_lacks_is_one_line(table, tmp_path):
    folder = write_model(tmp_path / "model", ("angry", "bored"))
    done = verify(table, "--model", folder)
    assert "knows bored, which is no emotion of FER-2013" in str(done.exception)


def test_the_figures_are_the_pipelines():
    rng = np.random.default_rng(0)
    for _ in range(20):
        probabilities = rng.dirichlet(np.full(7, 0.5), 200).astype(np.float32)
        labels = np.where(rng.random(200) < 0.6, probabilities.argmax(axis=1), rng.integers(0, 7, 200))
        scores = evaluate(labels, probabilities, EMOTIONS)
        for name, value in figures(labels, probabilities).items():
            assert value == pytest.approx(scores[name], abs=1e-6), name


@pytest.mark.parametrize("end", ["csv", "csv.xz", "csv.gz", "csv.bz2", "zip", "tar", "tar.gz"])
def test_any_usual_compression(tmp_path, end):
    text = text_of(rows_of()).encode()
    path = tmp_path / f"fer2013.{end}"
    if end == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("fer2013/fer2013.csv", text)
            archive.writestr("__MACOSX/fer2013/._fer2013.csv", b"\0")
    elif end.startswith("tar"):
        table = tmp_path / "fer2013.csv"
        table.write_bytes(text)
        with tarfile.open(path, "w:gz" if end.endswith("gz") else "w") as packed:
            packed.add(table, "fer2013/fer2013.csv")
            packed.addfile(tarfile.TarInfo("fer2013/._fer2013.csv"))
    else:
        pack = {"xz": lzma.compress, "gz": gzip.compress, "bz2": bz2.compress}.get(end.split(".")[-1], bytes)
        path.write_bytes(pack(text))
    test = read_private_test(path, lambda _: None)
    assert (test.faces.shape, test.faces.dtype) == ((30, 48, 48), np.uint8)
    np.testing.assert_array_equal(test.faces.reshape(30, -1), [row[1] for row in rows_of()[-30:]])
    np.testing.assert_array_equal(test.codes, [row[0] for row in rows_of()[-30:]])
    assert test.copies.tolist() == [False] * 27 + [True] * 3


def test_columns_in_another_order_and_with_spaces(tmp_path):
    path = tmp_path / "icml_face_data.csv"
    path.write_text("\ufeff" + text_of(rows_of(), "emotion, Usage, pixels", (0, 2, 1)), encoding="utf-8")
    assert read_private_test(path, lambda _: None).codes.tolist() == [row[0] for row in rows_of()[-30:]]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda text: "", "no column emotion"),
        (lambda text: text.replace("Usage", "Split", 1), "no column usage; the first line must name"),
        (lambda text: text[: len(text) // 2].rpartition("\n")[0], "not the whole of FER-2013: 4. Training"),
        (lambda text: text.replace("\n3,", "\n7,", 1), r"row \d+ after the header: emotion is '7', not a code"),
        (lambda text: text.replace(",PublicTest", ",Public", 1), "row 41 after the header: Usage is 'Public', not one"),
        (
            lambda text: text.replace(",PublicTest", " 1,PublicTest", 1),
            "row 41 after the header: 2,305 pixels, not",
        ),
        (lambda text: text.replace(" 255 ", " 256 ", 1), r"row 1 after the header: pixel \d+ is '256', not a"),
        (lambda text: text.replace(" 255 ", " x ", 1), r"row 1 after the header: pixel \d+ is 'x', not a whole"),
        (lambda text: text.replace(",PublicTest", "", 1), "row 41 after the header: 2 cells, not 3"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, harm, words):
    path = tmp_path / "fer2013.csv"
    path.write_text(harm(text_of(rows_of())))
    with pytest.raises(UserError, match=words) as caught:
        read_private_test(path, lambda _: None)
    assert "\n" not in str(caught.value)


def test_of_several_tables_the_challenges_is_taken_by_its_name(tmp_path):
    """Kaggle's archive of the challenge also holds train.csv and test.csv, without the answers."""
    path = tmp_path / "challenge.zip"
    for name, words in (("icml_face_data.csv", ""), ("faces.csv", "3 CSV files inside; unpack it and name the chall")):
        with zipfile.ZipFile(path, "w") as archive:
            for other in ("train.csv", "test.csv"):
                archive.writestr(other, "pixels\n0\n")
            archive.writestr(name, text_of(rows_of(), "emotion, pixels, Usage"))
        if words:
            with pytest.raises(UserError, match=words):
                read_private_test(path, lambda _: None)
        else:
            assert len(read_private_test(path, lambda _: None).codes) == 30


def test_a_folder_says_what_to_name(tmp_path):
    with pytest.raises(UserError, match=r"is a folder; give the challenge's CSV in it, such as .*/fer2013\.csv"):
        read_private_test(tmp_path, lambda _: None)


def test_a_picture_is_no_table(tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), np.zeros((48, 48), np.uint8))
    with pytest.raises(UserError, match=r"face.png: is a picture; give the challenge's fer2013.csv"):
        read_private_test(tmp_path / "face.png", lambda _: None)


@pytest.mark.parametrize("end", ["tar", "tar.gz"])
def test_a_tar_that_is_cut_off_is_one_line(tmp_path, end):
    table, path = tmp_path / "fer2013.csv", tmp_path / f"fer2013.{end}"
    table.write_text(text_of(rows_of()))
    with tarfile.open(path, "w:gz" if end.endswith("gz") else "w") as packed:
        packed.add(table, "fer2013.csv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=r"damaged or cut off|cannot be read") as caught:
        read_private_test(path, lambda _: None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("end", ["xz", "gz", "bz2", "zip"])
def test_a_damaged_or_missing_archive_is_one_line(tmp_path, end):
    path = tmp_path / f"fer2013.csv.{end}"
    with pytest.raises(UserError, match="cannot be read"):
        read_private_test(path, lambda _: None)
    path.write_bytes(lzma.compress(text_of(rows_of()).encode())[:-400] if end == "xz" else b"no archive")
    with pytest.raises(UserError, match=r"damaged or cut off after row [1-9]\d*|cannot be read"):
        read_private_test(path, lambda _: None)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [((6, 8), 1, "encrypted"), ((8, 10), 99, "That compression method is not supported")],
)
def test_a_zip_with_a_password_or_of_a_foreign_kind_is_one_line(tmp_path, place, value, words):
    """The defect: tracebacks of RuntimeError and NotImplementedError."""
    path = tmp_path / "fer2013.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fer2013.csv", text_of(rows_of()))
    content = bytearray(path.read_bytes())
    for start, at in ((content.index(b"PK\3\4"), place[0]), (content.index(b"PK\1\2"), place[1])):
        content[start + at] = value
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"cannot be read \(.*{words}") as caught:
        read_private_test(path, lambda _: None)
    assert "\n" not in str(caught.value)


def test_a_base_installation_has_what_it_needs(table, tmp_path):
    """Neither pandas nor SciPy, which an installation without the pipeline lacks."""
    write_model(tmp_path / "model")
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'pandas', 'scipy', 'sklearn', 'onnx', 'yaml'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from fer.commands import challenge, verify\n"
        f"challenge.ROWS = verify.ROWS = {COUNTS}\n"
        "from fer.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "verify", table, "--model", tmp_path / "model"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (done.returncode, "accuracy" in done.stdout) == (0, True), done.stderr
