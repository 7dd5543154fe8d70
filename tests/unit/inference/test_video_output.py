"""Videos that are written: whole, in time, and kept when somebody stops them."""

import os
import resource
import subprocess
import sys

import cv2
import numpy as np
import pytest
from videos import RATE, frames_of, scene, with_durations, write_video

from fer.errors import UserError
from fer.inference.video import EndedEarlyError, open_video
from fer.inference.video_output import LONGEST_GAP, open_output

SUFFIXES = pytest.mark.parametrize("suffix", [".avi", ".mp4"])


def plain(shade, size=(120, 160)):
    return np.full((*size, 3), shade, np.uint8)


def shades(path):
    return [round(float(frame.mean())) for frame in frames_of(path)]


@SUFFIXES
def test_frames_come_back_in_order_and_in_time(tmp_path, suffix):
    path = tmp_path / "new" / f"out{suffix}"
    with open_output(path, RATE) as output:
        for at in range(30):
            output.write(plain(20 + 5 * at), at / RATE)
        assert not path.exists(), "written beside, moved when it is whole"
    assert shades(path) == pytest.approx([20 + 5 * at for at in range(30)], abs=4.5)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == pytest.approx(RATE)


def test_a_variable_rate_is_written_in_its_own_time(tmp_path):
    """Frames are repeated while one stays, and left out where they come faster than the output shows them."""
    source = with_durations(write_video(tmp_path / "in.mp4"), [(20, 40), (10, 200), (20, 80)])
    with open_video(source) as video, open_output(tmp_path / "out.mp4", video.rate) as output:
        for frame in video:
            output.write(frame.image, frame.time)
    with open_video(tmp_path / "out.mp4") as video:
        written = list(video)
    assert written[-1].time == pytest.approx(4.32, abs=0.2)
    for time, number in ((0.4, 10), (1.8, 25), (3.6, 40)):
        nearest = min(written, key=lambda frame: abs(frame.time - time))
        distance = [np.abs(nearest.image.astype(int) - scene(at)).mean() for at in range(50)]
        assert abs(int(np.argmin(distance)) - number) <= 2


def test_a_leap_in_time_does_not_fill_the_disk(tmp_path):
    with open_output(tmp_path / "out.avi", 5) as output:
        for time in (0.0, 0.2, 1e6, 1e6 + 0.2):
            output.write(plain(100), time)
    assert len(frames_of(tmp_path / "out.avi")) <= 5 * LONGEST_GAP + 4


def test_a_frame_of_another_size_is_made_to_fit(tmp_path):
    with open_output(tmp_path / "out.avi", 5) as output:
        for at, size in enumerate([(120, 160), (60, 80), (240, 320)]):
            output.write(plain(100, size), at / 5)
    assert [frame.shape for frame in frames_of(tmp_path / "out.avi")] == [(120, 160, 3)] * 3


def write_then_raise(path, frames, error):
    with open_output(path, RATE) as output:
        for at in range(frames):
            output.write(plain(100), at / RATE)
        raise error


@SUFFIXES
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143), EndedEarlyError("ends early", 3, 0.1)])
def test_what_was_written_is_kept_when_it_is_stopped(tmp_path, suffix, stop):
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"the former file")
    with pytest.raises(type(stop)):
        write_then_raise(path, 10, stop)
    assert len(frames_of(path)) == 10


@SUFFIXES
def test_a_failure_leaves_the_former_file(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"the former file")
    with pytest.raises(ZeroDivisionError):
        write_then_raise(path, 1, ZeroDivisionError())
    assert path.read_bytes() == b"the former file"
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_frame_there_is_no_file(tmp_path):
    with open_output(tmp_path / "out.avi", RATE):
        pass
    assert list(tmp_path.iterdir()) == []


def open_and_close(path, source=None):
    with open_output(path, RATE, source) as output:
        output.write(plain(100), 0)


def test_unusable_outputs_are_one_line(tmp_path):
    source = write_video(tmp_path / "in.avi", frames=2)
    with pytest.raises(UserError, match=r"out\.gif: not a video file's name; end it in \.avi or \.mp4"):
        open_and_close(tmp_path / "out.gif")
    with pytest.raises(UserError, match="is the source itself"):
        open_and_close(source, source)
    assert len(frames_of(source)) == 2


FULL = """
import sys
from pathlib import Path
import numpy as np
from fer.errors import UserError
from fer.inference.video_output import open_output
noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
try:
    with open_output(Path(sys.argv[1]), 25) as output:
        for at in range(100):
            output.write(noise, at / 25)
except UserError as error:
    sys.exit(str(error))
"""


@SUFFIXES
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, suffix):
    """OpenCV's writer says nothing of it; a limit on the size of files stands for the full disk."""
    path = tmp_path / f"out{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", FULL, path],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].endswith("the video could not be written; check the disk's space")
    assert list(tmp_path.iterdir()) == []


def test_new_folders_go_again_where_nothing_was_written(tmp_path):
    with pytest.raises(ValueError, match="no model"), open_output(tmp_path / "n/../m/sub/out.avi", RATE):
        raise ValueError("no model")
    assert list(tmp_path.iterdir()) == []
    with open_output(tmp_path / "m/out.avi", RATE):
        (tmp_path / "m/notes.txt").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["m", "notes.txt"]


def test_what_is_in_the_way_is_told_before_anything_is_read(tmp_path):
    (tmp_path / "out.avi").mkdir()
    with pytest.raises(UserError, match=r"out.avi: is a folder; give a file's name"):
        open_output(tmp_path / "out.avi", RATE).__enter__()


def test_a_name_that_opencv_cannot_open_is_one_line(tmp_path):
    """It would end the process."""
    path = tmp_path / os.fsdecode(b"w\xff.avi")
    with pytest.raises(UserError, match="is not UTF-8; rename it"):
        open_output(path, RATE).__enter__()
    try:
        path.write_bytes(write_video(tmp_path / "c.avi", 2).read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    with pytest.raises(UserError, match="is not UTF-8; rename it"):
        open_video(path).__enter__()
