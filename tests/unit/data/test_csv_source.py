import gzip
import lzma
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from face_files import USAGES, csv_text, full_csv_text, random_faces
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fer.data.csv_source import read_csv
from fer.emotions import EMOTIONS
from fer.errors import UserError

FACE = " ".join(["7"] * 2304)
HEADER = "emotion,pixels,Usage\n"
VOTES_HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read_error(path: Path, votes: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        read_csv(path, votes)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def test_rows_become_images_emotions_and_splits(tmp_path):
    images = random_faces(3)
    faces = read_csv(write(tmp_path / "mine.csv", csv_text(images, [3, 0, 6], USAGES)))
    assert faces.name == "mine"
    assert faces.images.dtype == np.uint8
    np.testing.assert_array_equal(faces.images, images)
    assert faces.table.to_dict("list") == {
        "emotion": ["happy", "angry", "neutral"],
        "split": ["train", "validation", "test"],
        "source_id": ["row 1", "row 2", "row 3"],
    }


def test_compressed_files_read_like_the_plain_one(tmp_path):
    text = full_csv_text().encode()
    plain = read_csv(write(tmp_path / "a.csv", text))
    paths = [write(tmp_path / "a.csv.xz", lzma.compress(text)), write(tmp_path / "a.csv.gz", gzip.compress(text))]
    paths.append(tmp_path / "a.zip")
    with zipfile.ZipFile(paths[-1], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fer2013/fer2013.csv", text)
        archive.writestr("fer2013/README", "about")
        archive.writestr("__MACOSX/fer2013/._fer2013.csv", "junk")
    for path in paths:
        faces = read_csv(path)
        np.testing.assert_array_equal(faces.images, plain.images)
        assert faces.table.equals(plain.table)
        assert faces.name == "a"


def test_columns_in_another_order_with_blanks_marks_and_extras(tmp_path):
    text = f"\ufeffemotion, Usage, pixels,note\r\n2, PrivateTest, {FACE},x\r\n\r\n"
    faces = read_csv(write(tmp_path / "icml_face_data.csv", text))
    assert faces.table[["emotion", "split"]].to_numpy().tolist() == [["fear", "test"]]
    assert (faces.images == 7).all()


@given(
    images=st.integers(1, 3).flatmap(lambda n: arrays(np.uint8, (n, 48, 48))),
    codes=st.lists(st.integers(0, 6), min_size=3, max_size=3),
    usages=st.lists(st.sampled_from(USAGES), min_size=3, max_size=3),
)
def test_what_is_written_is_read(tmp_path_factory, images, codes, usages):
    n = len(images)
    path = write(tmp_path_factory.mktemp("csv") / "faces.csv", csv_text(images, codes[:n], usages[:n]))
    faces = read_csv(path)
    np.testing.assert_array_equal(faces.images, images)
    assert faces.table["emotion"].tolist() == [EMOTIONS[code] for code in codes[:n]]


@pytest.mark.parametrize("word", ["256", "x", "-1", "1.5", "", "300000000000"])
def test_a_bad_pixel_names_file_row_and_place(tmp_path, word):
    bad = FACE.replace("7", word, 1)
    message = read_error(write(tmp_path / "f.csv", f"{HEADER}0,{FACE},Training\n0,{bad},Training\n"))
    fault = f"pixel 1 is '{word}', not a whole number from 0 to 255" if word else "2,303 pixels, not 2,304 (48x48)"
    assert message == f"{tmp_path}/f.csv: row 2 after the header: {fault}; mend or remove the row"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"9,{FACE},Training", "emotion is '9', not a code from 0 to 6"),
        (f",{FACE},Training", "emotion is '', not a code from 0 to 6"),
        (f"0,{FACE},Tranining", "Usage is 'Tranining', not one of Training, PublicTest, PrivateTest"),
        (f"0,{FACE} 1,Training", "2,305 pixels, not 2,304 (48x48)"),
        ("0,,Training", "0 pixels, not 2,304 (48x48)"),
        (f"0,{FACE}", "2 cells, not 3"),
        (f'0,"{FACE},Training' + f"\n0,{FACE},Training" * 30, "no CSV row (field larger than field limit (131072))"),
    ],
)
def test_a_bad_row_names_file_row_and_remedy(tmp_path, row, fault):
    message = read_error(write(tmp_path / "f.csv", f"{HEADER}0,{FACE},Training\n{row}\n"))
    assert message.startswith(f"{tmp_path}/f.csv: row 2 after the header")
    assert fault in message
    assert message.endswith("mend or remove the row")


@pytest.mark.parametrize("missing", ["emotion", "pixels"])
def test_a_missing_column_is_named(tmp_path, missing):
    path = write(tmp_path / "f.csv", HEADER.replace(missing, "other") + f"0,{FACE},Training\n")
    assert f"f.csv: no column '{missing}' in the header" in read_error(path)


def test_a_missing_path_an_empty_file_and_a_bare_header(tmp_path):
    assert "none.csv: cannot be read (No such file or directory); check the path" in read_error(tmp_path / "none.csv")
    (tmp_path / "empty").mkdir()
    assert "one .csv with the columns emotion and pixels expected inside, found none" in read_error(tmp_path / "empty")
    assert "e.csv: the file is empty" in read_error(write(tmp_path / "e.csv", ""))
    assert "e.xz: the file is empty" in read_error(write(tmp_path / "e.xz", ""))
    assert "h.csv: no rows after the header" in read_error(write(tmp_path / "h.csv", HEADER))


@pytest.mark.parametrize(("suffix", "compress"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_damaged_compressed_files(tmp_path, suffix, compress):
    whole = compress(full_csv_text().encode())
    cut = read_error(write(tmp_path / f"cut{suffix}", whole[:-2000]))
    assert re.search(r"cut\.[xg]z: damaged or cut off after row \d+ .*; get the file again", cut)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    corrupt = read_error(write(tmp_path / f"corrupt{suffix}", bytes(flipped)))
    assert corrupt.startswith(f"{tmp_path}/corrupt{suffix}: ")
    assert "damaged or cut off after row 0" in read_error(write(tmp_path / f"text{suffix}", full_csv_text()))


def test_damaged_and_unsuitable_zips(tmp_path):
    assert "cannot be read as a zip (File is not a zip file)" in read_error(
        write(tmp_path / "text.zip", full_csv_text())
    )
    path = tmp_path / "f.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", full_csv_text())
    whole = path.read_bytes()
    assert "cannot be read as a zip" in read_error(write(tmp_path / "cut.zip", whole[:-500]))
    flipped = whole.replace(b"PublicTest", b"PXblicTest", 1)
    assert "corrupt.zip: damaged or cut off after row 20 (Bad CRC-32" in read_error(
        write(tmp_path / "corrupt.zip", flipped)
    )
    digit = whole.replace(b"Training\n6,", b"Training\n5,", 1)
    assert "damaged or cut off after row 20 (Bad CRC-32" in read_error(write(tmp_path / "crc.zip", digit))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("b.csv", "x")
    assert "read a.csv; passed over b.csv" in read_csv(path).readings
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("c.csv", full_csv_text())
    assert "several .csv with labels and pixels: a.csv, c.csv; unpack it and give one of them" in read_error(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "found none" in read_error(path)


def test_bytes_that_are_not_utf8(tmp_path):
    junk = np.random.default_rng(0).bytes(5000)
    assert "j.csv: no column 'emotion' in the header" in read_error(write(tmp_path / "j.csv", b"\xff\xfe" + junk))
    assert "the text is not UTF-8" in read_error(write(tmp_path / "k.csv", b"\xff\xfeemotion\n"))
    row = HEADER.encode() + b"0," + FACE.replace("7", "\xe9", 1).encode("latin-1") + b",Training\n"
    assert "row 1 after the header: pixel 1 is '\ufffd'" in read_error(write(tmp_path / "row.csv", row))


@given(st.binary(max_size=300))
def test_any_bytes_end_in_one_line(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("junk")
    for suffix in (".csv", ".xz", ".gz", ".zip"):
        read_error(write(folder / f"j{suffix}", data))


def votes_text(usages: tuple[str, ...] = USAGES) -> str:
    return "\n".join([VOTES_HEADER, *(f"{usage},,{i},8,0,0,0,0,1,0,0,1" for i, usage in enumerate(usages)), ""])


def test_votes_join_by_row(tmp_path):
    path = write(tmp_path / "f.csv", csv_text(random_faces(3), [3, 0, 6], USAGES))
    table = read_csv(path, write(tmp_path / "votes.csv", votes_text())).table
    votes = table.filter(like="votes.")
    assert (votes.dtypes == np.uint8).all()
    assert votes.shape == (3, 10)
    assert votes["votes.neutral"].tolist() == [0, 1, 2]
    assert votes["votes.NF"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("votes", "fault"),
    [
        (votes_text(USAGES[:2]), "2 rows of FER+ votes for 3 images"),
        (votes_text(USAGES[::-1]), "row 1 after the header: Usage 'PrivateTest' differs"),
        (votes_text().replace("neutral", "calm"), "lack the column 'neutral'"),
        (votes_text().replace("PublicTest,,1", "PublicTest,,x"), "row 2 after the header: neutral is 'x'"),
        (votes_text().replace("PublicTest,,1", "PublicTest,,-1"), "row 2 after the header: neutral is '-1'"),
        (votes_text().replace("PublicTest,,1", "PublicTest,,"), "row 2 after the header: neutral is nan"),
        (votes_text() + "Training,,1,1,1,1,1,1,1,1,1,1,1,1\n", "cannot be read (Error tokenizing data"),
        ("", "cannot be read (No columns"),
        ("\udcff", "cannot be read ('utf-8' codec"),
    ],
)
def test_votes_that_do_not_fit(tmp_path, votes, fault):
    path = write(tmp_path / "f.csv", csv_text(random_faces(3), [3, 0, 6], USAGES))
    message = read_error(path, write(tmp_path / "votes.csv", votes.encode(errors="surrogateescape")))
    assert message.startswith(f"{tmp_path}/votes.csv: ")
    assert fault in message


def test_missing_votes(tmp_path):
    path = write(tmp_path / "f.csv", csv_text(random_faces(3), [3, 0, 6], USAGES))
    assert "votes.csv: FER+ votes cannot be read (No such file" in read_error(path, tmp_path / "votes.csv")
