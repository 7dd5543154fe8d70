"""``fer video`` as its users run it: real files, real processes, real signals."""

import csv
import functools
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import psutil
import pytest
from scenes import scene
from videos import RATE, cut_off, frames_of, turned, with_durations, write_video

from fer.commands.people import Summary
from fer.emotions import EMOTIONS
from fer.inference.video import COLUMNS

FER = Path(sys.executable).with_name("fer")
#: The cascade needs no file and finds drawn faces.
OPTIONS = ("--detector", "cascade")


@functools.cache
def moving_face(at):
    """A drawn face of 96 pixels that moves by 2 pixels a frame, before soft noise."""
    return scene({0: (40 + 2 * at % 160, 60, 96, 96)}, size=(240, 320))


def looping_face(at):
    return moving_face(at % 80)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=30, draw=moving_face)


def run(*arguments, cwd=None):
    return subprocess.run([FER, "video", *arguments], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def told(clip, model_folder):
    """The clip's frames as CSV and as JSON."""
    return {form: run(clip, form, "--model", model_folder, *OPTIONS).stdout for form in ("--csv", "--json")}


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_has_runs_and_people(clip, model_folder):
    done = run(clip, "--model", model_folder, *OPTIONS)
    assert done.returncode == 0, done.stderr
    runs, people, notes = done.stdout.split("\n\n")
    header, first, *_ = runs.splitlines()
    assert header.split() == ["from", "to", "person", "emotion", "probability", "certain"]
    assert first.split()[0] == "0:00.00"
    assert first.split()[2] == "1"
    title, header, row = people.splitlines()
    assert title == "share of the time in which a person was seen:"
    assert header.split() == ["person", "seen", *EMOTIONS, "certain"]
    assert row.split()[:3] == ["1", "1.2", "s"]
    assert sum(int(share) for share in row.split()[3:-2:2]) == pytest.approx(100, abs=3)
    assert notes.splitlines() == [
        "certain: share of the time in which the network was certain of the emotion",
        "faces found by the cascade, not by YuNet",
    ]
    assert done.stderr.splitlines()[-1] == "clip.mp4: 30 frames, 1.2 s, 1 person"
    assert "trained on drawn" in done.stderr


def test_csv_has_a_row_for_every_face_of_every_frame(told):
    rows = rows_of(told["--csv"])
    assert list(rows[0]) == [*COLUMNS, *EMOTIONS]
    assert [float(row["time"]) for row in rows] == pytest.approx([at / RATE for at in range(30)])
    for at, row in enumerate(rows):
        assert (row["frame"], row["track"], row["detector"]) == (str(at), "1", "cascade")
        assert sum(float(row[name]) for name in EMOTIONS) == pytest.approx(1, abs=1e-5)
        assert float(row["probability"]) == pytest.approx(float(row[row["emotion"]]))
        assert abs(int(row["box_left"]) - (40 + 2 * at)) < 25


def test_the_tables_rows_are_in_the_order_of_their_start(tmp_path, model_folder):
    """The first person stays until the end; another one comes, and is gone long before."""

    def draw(at):
        faces = {0: (10, 60, 110, 110)} | ({1: (190, 60, 110, 110)} if 10 <= at < 20 else {})
        return scene(faces, size=(240, 320))

    done = run(write_video(tmp_path / "clip.mp4", 40, draw=draw), "--model", model_folder, *OPTIONS)
    rows = [row.split()[:3] for row in done.stdout.split("\n\n")[0].splitlines()[1:]]
    assert rows == [["0:00.00", "0:01.60", "1"], ["0:00.40", "0:00.80", "2"]]


def test_json_has_a_line_for_every_frame_and_a_sum(told):
    *frames, last = [json.loads(line) for line in told["--json"].splitlines()]
    assert [frame["frame"] for frame in frames] == list(range(30))
    assert all(frame["faces"][0]["track"] == 1 for frame in frames)
    summary = last["summary"]
    assert (summary["frames"], summary["problem"], summary["detector"]) == (30, None, "cascade")
    (person,) = summary["tracks"]
    assert person["seconds"] == pytest.approx(1.2)
    assert sum(person["emotions"].values()) == pytest.approx(1)
    assert set(person["emotions"]) == set(EMOTIONS), "with 0 where none was shown"


def test_a_variable_rate_is_told_in_the_frames_own_times(tmp_path, model_folder):
    path = with_durations(write_video(tmp_path / "clip.mp4", 20, draw=moving_face), [(10, 40), (10, 200)])
    rows = rows_of(run(path, "--csv", "--model", model_folder, *OPTIONS).stdout)
    expected = [at * 0.04 for at in range(11)] + [0.4 + at * 0.2 for at in range(1, 10)]
    assert [float(row["time"]) for row in rows] == pytest.approx(expected)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_the_annotated_video_and_the_timeline_are_written(clip, model_folder, tmp_path, suffix):
    output, picture = tmp_path / "new" / f"out{suffix}", tmp_path / "line.png"
    done = run(clip, "--output", output, "--timeline", picture, "--model", model_folder, *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-3:-1] == [f"with boxes: {output}", f"timeline: {picture}"]
    frames = frames_of(output)
    assert len(frames) == 30
    for at, frame in enumerate(frames):
        changed = np.abs(frame.astype(int) - moving_face(at)).max(axis=2) > 60
        assert changed.sum() > 300, "a box and a label"
        assert changed.mean() < 0.15, "and the rest as it was"
    assert cv2.imread(str(picture)).shape[1] > 800
    assert sorted(file.name for file in tmp_path.iterdir()) == ["line.png", "new"]


def test_a_clip_that_was_held_sideways_is_read_upright(tmp_path, model_folder):
    """The cascade finds no face that lies on its side."""
    path = tmp_path / "clip.mp4"
    turned(write_video(path, 5, draw=lambda at: cv2.rotate(moving_face(at), cv2.ROTATE_90_COUNTERCLOCKWISE)))
    output = tmp_path / "out.mp4"
    done = run(path, "--csv", "--output", output, "--model", model_folder, *OPTIONS)
    assert len(rows_of(done.stdout)) == 5
    assert frames_of(output)[0].shape == (240, 320, 3)


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_source_that_ends_early_is_told_as_far_as_it_goes(tmp_path, model_folder, form):
    path = cut_off(write_video(tmp_path / "clip.avi", 30, draw=moving_face))
    output, picture = tmp_path / "out.mp4", tmp_path / "line.png"
    done = run(path, form, "--output", output, "--timeline", picture, "--model", model_folder, *OPTIONS)
    assert done.returncode == 1
    told = len(rows_of(done.stdout)) if form == "--csv" else len(done.stdout.splitlines()) - 1
    assert 5 < told < 25
    assert len(frames_of(output)) == told
    assert picture.is_file()
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"{path}: ends early, after {told} frames, ")
    if form == "--json":
        assert json.loads(done.stdout.splitlines()[-1])["summary"]["problem"] == last


@pytest.mark.parametrize(("number", "code", "suffix"), [(signal.SIGINT, 130, ".mp4"), (signal.SIGTERM, 143, ".avi")])
def test_after_a_signal_what_was_written_is_valid(tmp_path, model_folder, number, code, suffix):
    path = write_video(tmp_path / "clip.avi", 800, draw=looping_face)
    output, picture, table = tmp_path / f"out{suffix}", tmp_path / "line.png", tmp_path / "rows.csv"
    command = [FER, "video", path, "--csv", "--output", output, "--timeline", picture]
    with table.open("w") as stream:
        process = subprocess.Popen(
            [*command, "--model", model_folder, *OPTIONS], stdout=stream, stderr=subprocess.PIPE, text=True
        )
        wait_for(lambda: table.read_text().count("\n") > 20)
        assert not output.exists(), "it is written beside"
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == code, errors
    assert "stopped after" in errors
    assert "Traceback" not in errors
    rows = rows_of(table.read_text())
    assert 20 <= len(rows) < 800
    written = frames_of(output)
    assert len(written) == int(rows[-1]["frame"]) + 1
    assert picture.is_file()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
        ["clip.avi", output.name, picture.name, table.name]
    )


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@pytest.mark.slow
def test_memory_stays_the_same_however_long_the_video(tmp_path, model_folder):
    """Two hundred frames more would be 46 MB, if they were kept."""
    path = write_video(tmp_path / "clip.avi", 300, draw=looping_face)
    process = subprocess.Popen(
        [FER, "video", path, "--json", "--output", tmp_path / "out.mp4", "--timeline", tmp_path / "line.png",
         "--model", model_folder, *OPTIONS, "--min-face", "80"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    memory = {}
    for line in process.stdout:
        index = json.loads(line).get("frame")
        if index in (100, 299):
            memory[index] = psutil.Process(process.pid).memory_info().rss
    assert process.wait() == 0
    assert memory[299] < memory[100] + 15_000_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.mp4"], "nowhere.mp4: no such file"),
        (["nowhere.mp4", "--json"], "nowhere.mp4: no such file"),
        (["-"], "-: no such file"),
        (["https://example.org/clip.mp4"], "https://example.org/clip.mp4: is an address; download the video"),
        (["text.mp4"], "text.mp4: not a video"),
        (["clip.avi", "--output", "out.gif"], "out.gif: not a video file's name"),
        (["clip.avi", "--output", "clip.avi"], "clip.avi: is the source itself"),
        (["clip.avi", "--timeline", "line.pdf"], "line.pdf: not a picture's name"),
        (["clip.jpg", "--timeline", "clip.jpg"], "clip.jpg: is the source itself"),
        (["clip.avi", "--timeline", "text.mp4/line.png"], "cannot be written, as text.mp4 is no folder"),
        (["clip.avi", "--json", "--csv"], "--json and --csv: choose one"),
        (["clip.avi", "--output", "new/sub/out.avi", "--model", "nope"], "nope: no such folder"),
        (["clip.avi", "--url", "http://127.0.0.1:9", "--model", "m"], "--model"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, arguments, words):
    write_video(tmp_path / "clip.avi", frames=2)
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "clip.jpg").write_bytes((tmp_path / "clip.avi").read_bytes())
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout) if arguments[1:] == ["--json"] else None
    assert told == (told and {"file": arguments[0], "problem": done.stderr.splitlines()[-1].removeprefix("error: ")})
    assert not done.stderr.startswith("model: "), "nothing is loaded for a mistake"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.avi", "clip.jpg", "text.mp4"]


def test_the_sum_counts_the_last_frame():
    summary = Summary(10)
    assert summary.end == 0
    for at in range(30):
        summary.add(SimpleNamespace(time=at / 10, faces=[]))
    assert summary.end == pytest.approx(3)


def test_json_and_csv_have_one_vocabulary(told):
    """What CSV has in a column, JSON has under the same key: of the frame, or of the face."""
    header = told["--csv"].splitlines()[0].split(",")
    first = json.loads(told["--json"].splitlines()[0])
    keys = set(first) | set(first["faces"][0]) | set(first["faces"][0]["probabilities"])
    assert {name for name in header if not name.startswith("box_")} <= keys
