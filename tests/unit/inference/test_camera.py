"""A camera in the network that really sends pictures, read by who is slower than it."""

import threading
import time

import numpy as np
import pytest
from mjpeg import served

from fer.errors import UserError
from fer.inference.camera import camera_name, open_camera
from fer.inference.video import EndedEarlyError

#: Frame n of the camera is as bright as this.
SHADES = [np.full((120, 160, 3), 20 + 2 * at, np.uint8) for at in range(100)]


def shade(frame):
    return (float(frame.image.mean()) - 20) / 2


def test_who_reads_slowly_sees_the_newest_frame_and_no_old_ones():
    with served(SHADES, rate=40) as url, open_camera(url) as camera:
        seen = []
        for _ in range(6):
            seen.append(camera.newest(5))
            time.sleep(0.2)
    numbers = [frame.index for frame in seen]
    assert min(np.diff(numbers)) >= 1
    assert numbers[-1] >= 2 * len(numbers), "frames were passed over"
    assert [shade(frame) for frame in seen] == pytest.approx([number % 100 for number in numbers], abs=2)
    assert np.diff([frame.time for frame in seen]).min() > 0.1, "none waited in a queue"


def test_who_reads_fast_sees_every_frame_once():
    with served(SHADES, rate=20) as url, open_camera(url) as camera:
        numbers = [camera.newest(5).index for _ in range(10)]
    assert numbers == sorted(set(numbers))


def test_a_camera_that_is_silent_leaves_time_for_other_things():
    with served(SHADES, rate=0.5) as url, open_camera(url) as camera:
        given = [camera.newest(0.05) for _ in range(5)]
    assert given[-1] is None
    assert any(given), "the first frames came when it was opened"


def test_a_camera_that_ends_is_said_after_its_last_frame():
    with served(SHADES, rate=200, frames=20) as url, open_camera(url) as camera:
        seen = []
        with pytest.raises(EndedEarlyError, match="gives no more frames"):
            seen.extend(iter(lambda: camera.newest(5), None))
    assert seen[-1].index >= 18


def test_no_thread_is_left():
    with served(SHADES, rate=50) as url, open_camera(url) as camera:
        camera.newest(5)
    assert not any(thread.name.startswith("camera") for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("97", "camera 97: not there or in use; try another number"),
        ("/dev/video97", "camera /dev/video97: not there or in use"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/: no camera answers there"),
        ("rtsp://127.0.0.1:9/", "rtsp://127.0.0.1:9/: no camera answers there"),
        ("clip.mp4", r"clip\.mp4: not a camera; .*fer video reads files"),
        ("99999999999", "not a camera"),
        ("", "not a camera"),
    ],
)
def test_a_camera_that_is_none_is_one_line(source, words):
    with pytest.raises(UserError, match=words) as caught, open_camera(source):
        pass
    assert "\n" not in str(caught.value)


def test_a_password_is_never_shown():
    assert camera_name("rtsp://me:secret@host/stream") == "rtsp://host/stream"
    with pytest.raises(UserError) as caught, open_camera("http://me:secret@127.0.0.1:9/"):
        pass
    assert "secret" not in str(caught.value)
