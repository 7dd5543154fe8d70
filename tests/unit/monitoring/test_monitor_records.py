"""The service's records, as they are read back."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.inference.faces import Doubt, Face, Properties
from fer.inference.records import record_of
from fer.monitoring.records import Seen, parse, read_records

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
FACE = Face(
    box=(10, 20, 64, 80),
    emotion="happy",
    probabilities={"happy": 0.75, "sad": 0.25},
    doubts=(Doubt.SMALL,),
    score=0.9,
    landmarks=None,
    properties=Properties(100.0, 40.0, 0.5, 2.0),
)


def line(minutes: float = 0, model: str = "one", face: Face = FACE) -> str:
    return json.dumps({"time": (NOW - timedelta(minutes=minutes)).isoformat()} | record_of(face, "analyze", model))


def write(folder: Path, *lines: str, name: str = "data.1.log", ended: bool = True) -> Path:
    path = folder / "fer" / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + ("\n" if ended else ""))
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return path


def read(folder: Path, newest: int = 100, since: datetime | None = None) -> Seen:
    return read_records(folder, "one", newest, since, NOW)


@given(
    st.one_of(
        st.binary(max_size=80),
        st.text(max_size=80).map(str.encode),
        st.integers(0, len(line()) - 1).map(lambda end: line()[:end].encode()),
        st.sampled_from(sorted(json.loads(line()))).map(
            lambda name: json.dumps({key: value for key, value in json.loads(line()).items() if key != name}).encode()
        ),
    )
)
def test_what_is_no_whole_record_is_none_and_no_error(damaged: bytes) -> None:
    assert parse(damaged) is None


@given(
    st.tuples(*[st.integers(0, 10_000)] * 4),
    st.one_of(st.none(), st.floats(0, 1)),
    st.one_of(st.none(), st.builds(Properties, *[st.floats(-1e6, 1e6)] * 3, st.one_of(st.none(), st.floats(-99, 99)))),
    st.floats(0, 1),
)
def test_every_face_that_is_recorded_is_read_back(box, score, properties, probability) -> None:
    face = Face(
        box=box,
        emotion="sad",
        probabilities={"happy": 1 - probability, "sad": probability},
        doubts=(),
        score=score,
        properties=properties,
    )
    record = parse(line(face=face))
    assert record is not None
    assert (record.width, record.height, record.emotion, record.certain) == (*box[2:], "sad", True)
    assert (record.score is None) == (score is None)
    assert (record.brightness is None) == (properties is None)


def test_the_table_has_the_shorter_side_and_the_largest_probability(tmp_path: Path) -> None:
    write(tmp_path, line())
    row = read(tmp_path).table.iloc[0]
    assert (row["side"], row["confidence"], row["brightness"], row["certain"]) == (64, 0.75, 100, False)


def test_a_picture_that_is_not_like_a_face_is_none(tmp_path: Path) -> None:
    write(tmp_path, line(2), line(1, face=replace(FACE, doubts=(Doubt.SMALL, Doubt.NO_FACE))))
    assert read(tmp_path).table["face"].tolist() == [True, False]


def test_damaged_lines_other_models_and_clocks_from_the_future_are_counted(tmp_path: Path) -> None:
    write(tmp_path, line(1), "{", line(2), line(3, "two"), line(-61), "")
    seen = read(tmp_path)
    assert (len(seen.table), seen.damaged, dict(seen.others)) == (2, 3, {"two": 1})


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    write(tmp_path, line(2), line(1)[:50], ended=False)
    seen = read(tmp_path)
    assert (len(seen.table), seen.damaged) == (1, 0)


def test_the_newest_of_all_processes_and_days_oldest_first(tmp_path: Path) -> None:
    write(tmp_path, line(5), line(1))
    write(tmp_path, line(4), line(2), name="data.2.log")
    write(tmp_path, line(3), name="data.1.log.2026-11-27")
    minutes = (NOW - read(tmp_path, newest=4).table["time"]).dt.total_seconds() / 60
    assert minutes.tolist() == [4, 3, 2, 1]


def test_since_a_time(tmp_path: Path) -> None:
    write(tmp_path, *(line(minutes) for minutes in range(10)))
    assert len(read(tmp_path, newest=2, since=NOW - timedelta(minutes=4)).table) == 4
    assert read(tmp_path, since=NOW).table.empty


def test_no_files_are_no_records(tmp_path: Path) -> None:
    assert read(tmp_path).table.empty


@pytest.mark.parametrize("place", ["time", "model"])
def test_a_record_of_a_former_service_without_it_is_damaged(tmp_path: Path, place: str) -> None:
    former = json.loads(line())
    del former[place]
    write(tmp_path, json.dumps(former))
    assert read(tmp_path).damaged == 1
