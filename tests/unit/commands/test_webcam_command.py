"""``fer webcam`` with a camera in the network, as a process; keys and the window with a stand-in for the display."""

import csv
import io
import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from mjpeg import served
from scenes import scene
from typer.testing import CliRunner
from videos import frames_of

from fer.cli import app
from fer.commands.webcam import Meter

FER = Path(sys.executable).with_name("fer")
OPTIONS = ("--detector", "cascade", "--min-face", "80")
#: A face that walks to and fro.
FACES = [scene({0: (40 + 2 * at, 60, 96, 96)}, size=(240, 320)) for at in (*range(20), *range(20, 0, -1))]


def start(url, folder, model_folder, *arguments):
    command = [FER, "webcam", url, "--no-display", "--model", model_folder, *OPTIONS, *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_without_a_window_it_records_until_a_signal_ends_it(tmp_path, model_folder, number, suffix):
    with served(FACES, rate=30) as url:
        process = start(url, tmp_path, model_folder, "--csv", "--output", f"out{suffix}")
        lines = list(itertools.islice(process.stdout, 10))
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    rows = list(csv.DictReader(io.StringIO("".join(lines) + rest)))
    times = [float(row["time"]) for row in rows]
    assert times == sorted(times)
    assert {row["track"] for row in rows} == {"1"}
    written = frames_of(tmp_path / f"out{suffix}")
    assert len(written) / 25 == pytest.approx(times[-1] - times[0], abs=0.2), "in its own time, whatever the rate"
    assert [file.name for file in tmp_path.iterdir()] == [f"out{suffix}"]
    assert "frames a second" in errors
    assert "Traceback" not in errors


def test_a_camera_that_goes_away_is_said_with_exit_code_1(tmp_path, model_folder):
    with served(FACES, rate=30, frames=90) as url:
        process = start(url, tmp_path, model_folder, "--json", "--output", "out.mp4")
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == f"{url}: gives no more frames; check that it is still there"
    *frames, last = [json.loads(line) for line in out.splitlines()]
    assert last["summary"]["problem"] == errors.splitlines()[-1]
    assert last["summary"]["frames"] == len(frames)
    assert len(frames) > 1
    written = frames_of(tmp_path / "out.mp4")
    assert len(written) / 25 == pytest.approx(frames[-1]["time"], abs=0.2), "it may read 30 a second"


class Display:
    """Stands for OpenCV's window: remembers what it showed, and presses keys at their frames."""

    def __init__(self, monkeypatch, keys):
        self.shown = []
        self.keys = keys
        monkeypatch.setenv("DISPLAY", ":0")
        monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
        monkeypatch.setattr(cv2, "imshow", lambda _, image: self.shown.append(image.copy()))
        monkeypatch.setattr(cv2, "waitKey", lambda _: self.keys.get(len(self.shown), -1))


def in_window(model_folder, url):
    return CliRunner().invoke(app, ["webcam", url, "--csv", "--model", str(model_folder), *OPTIONS])


@pytest.mark.parametrize("key", [ord("q"), 27])
def test_q_and_esc_quit(model_folder, monkeypatch, key):
    display = Display(monkeypatch, {3: key})
    with served(FACES, rate=30) as url:
        result = in_window(model_folder, url)
    assert result.exit_code == 0
    assert len(display.shown) == 3
    assert result.stdout.count("\n") == 1 + 3


def test_a_closed_window_quits(model_folder, monkeypatch):
    display = Display(monkeypatch, {})
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0 if len(display.shown) < 2 else 0.0)
    with served(FACES, rate=30) as url:
        assert in_window(model_folder, url).exit_code == 0
    assert len(display.shown) == 2


def test_c_records_a_csv_and_ends_it(model_folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    display = Display(monkeypatch, {2: ord("c"), 6: ord("c"), 8: ord("q")})
    with served(FACES, rate=30) as url:
        result = in_window(model_folder, url)
    (path,) = tmp_path.iterdir()
    rows = list(csv.DictReader(path.open()))
    assert path.name.startswith("fer-")
    assert len(rows) == 4, "the frames 3 to 6"
    assert f"recorded {path.name}" in result.stderr
    red = [int(((image[..., 2] > 200) & (image[..., 1] < 90)).sum()) for image in display.shown]
    assert min(red[2:6]) > max(red[:2] + red[6:]) + 20, "the window says so"


def test_a_recording_that_quitting_ends_is_whole(model_folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Display(monkeypatch, {1: ord("c"), 5: ord("q")})
    with served(FACES, rate=30) as url:
        in_window(model_folder, url)
    (path,) = tmp_path.iterdir()
    assert len(list(csv.DictReader(path.open()))) == 4


def test_no_display_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with served(FACES, rate=30) as url:
        result = CliRunner().invoke(app, ["webcam", url])
    assert str(result.exception) == (
        "no display to show a window on (DISPLAY is not set); leave the window out (--no-display)"
    )


def test_what_is_no_camera_is_told_before_a_display_is_missed(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert str(CliRunner().invoke(app, ["webcam", "clip.mp4"]).exception).startswith("clip.mp4: not a camera")


@pytest.mark.parametrize(
    ("source", "words"),
    [("97", "error: camera 97: not there or in use"), ("clip.mp4", "error: clip.mp4: not a camera")],
)
def test_a_camera_that_is_none_is_one_line(tmp_path, model_folder, source, words):
    process = start(source, tmp_path, model_folder)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert errors.startswith(words)
    assert errors.count("\n") == 1


def test_the_meter_counts_frames_a_second():
    meter = Meter()
    rates = [meter.tick(at / 20) for at in range(100)]
    assert rates[-1] == pytest.approx(20)
    assert meter.mean == pytest.approx(20)
    assert meter.tick(99 / 20 + 10) == 0.0, "after ten seconds without a frame"


def test_a_late_start_is_no_slow_frame():
    now = time.monotonic()
    meter = Meter()
    assert meter.tick(now) == 0.0
    assert meter.mean == 0.0
    assert np.isfinite(meter.tick(now))
