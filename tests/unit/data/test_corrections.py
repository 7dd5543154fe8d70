"""Corrections that a person writes: applied to the image that is meant, or refused in one line."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.data.corrections import Corrections, apply_corrections, fitting, read_corrections, told
from fer.data.dataset import SPLITS
from fer.errors import UserError

HEADER = "source_id,sha256,emotion,correct,suggested\n"


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source_id": [f"row {n}" for n in range(1, 6)],
            "sha256": [f"{n}" * 4 for n in range(1, 6)],
            "emotion": ["angry", "happy", "sad", "fear", "neutral"],
            "split": ["train", "train", "validation", "test", "train"],
        }
    )


def written(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "corrections.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_labels_are_changed_images_left_out_and_the_rest_stays(tmp_path, table):
    path = written(
        tmp_path,
        "row 2,2222,happy,sad,",
        "row 4,4444,fear, Remove ,",
        "row 5,5555,neutral,,angry",
        "row 1,1111,angry,Anger,",
    )
    former = table.copy()
    corrections = read_corrections(path)
    corrected, stays, counts = apply_corrections(table, corrections)
    assert counts == {"relabelled": 1, "removed": 1, "confirmed": 1, "evaluation": 1, "not_applied": 0}
    assert corrected["emotion"].tolist() == ["angry", "sad", "sad", "fear", "neutral"]
    assert stays.tolist() == [True, True, True, False, True]
    assert len(corrections.rows) == 3
    pd.testing.assert_frame_equal(table, former)


def test_a_spreadsheets_file_with_its_mark_and_order_of_columns_is_read(tmp_path, table):
    path = tmp_path / "c.csv"
    path.write_text('\ufeffcorrect,emotion,note,sha256,source_id\nsad,happy,"a, b",2222,row 2\n', encoding="utf-8")
    assert apply_corrections(table, read_corrections(path))[0]["emotion"][1] == "sad"


def test_the_fingerprint_is_of_the_decisions(tmp_path, table):
    def of(*lines: str) -> str:
        return read_corrections(written(tmp_path, *lines)).fingerprint

    both = of("row 1,1111,angry,sad,", "row 2,2222,happy,remove,")
    assert both == of("row 2,2222,happy,remove,fear", "row 1,1111,angry,sadness,", "row 3,3333,sad,,")
    assert both != of("row 1,1111,angry,sad,")
    assert both != of("row 1,1111,angry,sad,", "row 2,2222,happy,sad,")
    assert of() == of("row 3,3333,sad,,")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("row 9,9999,sad,happy,", "no correction is of an image of this source, such as row 9"),
        ("row 1,2222,angry,happy,", "row 1 is another image by now (sha256 1111, not 2222); look at it again"),
        ("row 1,1111,sad,happy,", "row 1 is labelled otherwise by now (emotion angry, not sad)"),
        ("row 1,1111,angry,hapy,", "line 2: correct is 'hapy'"),
        ("row 1,1111,angry,contempt,", "line 2: correct is 'contempt'"),
    ],
)
def test_what_fits_no_image_is_refused_in_one_line(tmp_path, table, line, words):
    with pytest.raises(UserError) as refused:
        fitting(table, read_corrections(written(tmp_path, line)))
    assert words in str(refused.value)
    assert "corrections.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_image_that_is_gone_is_told_and_the_others_are_corrected(tmp_path, table):
    lines = ("row 9,9999,sad,happy,", "row 1,1111,angry,sad,", "row 2,,happy,sad,")
    corrections, readings = fitting(table, read_corrections(written(tmp_path, *lines)))
    (said,) = readings
    assert said == "passed over 1 of 3 corrections: no such image is in the source, such as row 9"
    assert corrections.rows["source_id"].tolist() == ["row 1", "row 2"]
    assert fitting(table, read_corrections(written(tmp_path)))[1] == []


def test_evaluation_stays_as_it_is_unless_asked(tmp_path, table):
    lines = ("row 1,1111,angry,sad,", "row 3,3333,sad,fear,", "row 4,4444,fear,remove,")
    corrections = read_corrections(written(tmp_path, *lines))
    corrected, stays, counts = apply_corrections(table, corrections, SPLITS[:1])
    assert corrected["emotion"].tolist() == ["sad", "happy", "sad", "fear", "neutral"]
    assert stays.all()
    assert (counts["relabelled"], counts["evaluation"], counts["not_applied"]) == (1, 0, 2)
    applied, aside = told(corrections, counts)
    assert applied.endswith("1 labels changed, 0 images left out, 0 labels looked at and kept")
    assert "left 2 corrections of validation and test aside" in aside
    *_, counts = apply_corrections(table, corrections)
    assert (counts["relabelled"], counts["removed"], counts["evaluation"], counts["not_applied"]) == (2, 1, 2, 0)
    assert "comparable with none of the labels before" in told(corrections, counts)[1]


def test_two_decisions_on_one_image(tmp_path):
    once = read_corrections(written(tmp_path, "row 1,1111,angry,sad,", "row 1,1111,angry,sadness,"))
    assert len(once.rows) == 1
    with pytest.raises(UserError, match="row 1 is decided twice"):
        read_corrections(written(tmp_path, "row 1,1111,angry,sad,", "row 1,1111,angry,happy,"))


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", '"broken', "\x00\x01"])
def test_a_file_that_is_none(tmp_path, content):
    path = tmp_path / "corrections.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=r"corrections\.csv: corrections"):
        read_corrections(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_corrections(tmp_path / "none.csv")


EMOTION = st.sampled_from(["angry", "happy", "sad"])


@given(st.lists(st.tuples(EMOTION, st.sampled_from(["angry", "happy", "sad", "remove"])), max_size=8))
def test_any_decisions_are_what_comes_out(decisions):
    table = pd.DataFrame(
        {
            "source_id": [str(n) for n in range(len(decisions))],
            "sha256": "x",
            "emotion": [old for old, _ in decisions],
            "split": "train",
        }
    )
    rows = table.assign(correct=[new for _, new in decisions])
    corrected, stays, _ = apply_corrections(table, Corrections(Path("c.csv"), rows))
    assert stays.tolist() == [new != "remove" for _, new in decisions]
    assert corrected["emotion"].tolist() == [old if new == "remove" else new for old, new in decisions]
    again, *_ = apply_corrections(table.iloc[::-1], Corrections(Path("c.csv"), rows))
    assert again["emotion"].tolist() == corrected["emotion"].tolist()[::-1]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("source_id;sha256;emotion;correct\n", "row 2;2222;happy;sad"),
        ("source_id\tsha256\temotion\tcorrect\n", "row 2\t2222\thappy\tsad"),
        ("\ufeffsource_id,sha256,emotion,correct\n", "row 2,2222,happy,sad,"),
        ("source_id,sha256,emotion,correct,\n", '"row 2","2222","happy","sad",'),
    ],
)
def test_what_a_spreadsheet_saves_is_read(tmp_path, table, header, line):
    path = written(tmp_path, line, header=header)

    corrected, stays, _ = apply_corrections(table, read_corrections(path))

    assert corrected["emotion"].tolist() == ["angry", "sad", "sad", "fear", "neutral"]
    assert stays.all()
