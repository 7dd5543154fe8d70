"""A camera whose newest frame wins: whoever reads slowly misses frames, and never sees old ones."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from fer.errors import UserError
from fer.inference.video import DEFAULT_RATE, MAX_RATE, EndedEarlyError, Frame, quiet_opencv

#: Milliseconds that a camera in the network may take to answer, and between two frames.
TIMEOUT = 10_000
_NETWORK = ("rtsp://", "rtsps://", "http://", "https://")


class Camera:
    """A camera that a thread of its own reads.

    Attributes:
        name: as the user gave it.
        rate: frames a second, as the camera says.
    """

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        self.name = name
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= MAX_RATE else DEFAULT_RATE
        self._capture = capture
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._given = -1
        self._ended = self._stop = False
        self._thread = threading.Thread(target=self._read, name=f"camera {name}", daemon=True)
        self._thread.start()

    def newest(self, timeout: float) -> Frame | None:
        """The newest frame, once: waits for one that was not given yet; None when ``timeout`` seconds bring none.

        Raises:
            EndedEarlyError: when the camera gives no more frames.
        """
        with self._changed:
            self._changed.wait_for(self._fresh_or_ended, timeout)
            if self._newest is not None and self._newest.index > self._given:
                self._given = self._newest.index
                return self._newest
            if self._ended:
                message = f"{camera_name(self.name)}: gives no more frames; check that it is still there"
                last = self._newest
                raise EndedEarlyError(message, last.index + 1 if last else 0, last.time if last else 0.0)
            return None

    def close(self) -> None:
        """Stop the thread and let the camera go."""
        self._stop = True
        self._thread.join(2 * TIMEOUT / 1000)

    def _fresh_or_ended(self) -> bool:
        return self._ended or (self._newest is not None and self._newest.index > self._given)

    def _read(self) -> None:
        index, start = 0, time.monotonic()
        while not self._stop:
            ok, image = self._capture.read()
            if not ok:
                break
            now = time.monotonic()
            start = now if index == 0 else start
            with self._changed:
                self._newest = Frame(index, now - start, image)
                self._changed.notify_all()
            index += 1
        self._capture.release()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@contextmanager
def open_camera(source: str) -> Iterator[Camera]:
    """A camera by its number, its device (``/dev/video0``) or its address (``rtsp://``, ``http://``, ``https://``).

    Raises:
        UserError: when it is none of these, not there or in use.
    """
    quiet_opencv()
    if source.startswith(_NETWORK):
        patience = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT]
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, patience)
        problem = "no camera answers there; check the address, and user name and password in it"
    elif number := re.fullmatch(r"(?:/dev/video)?(\d{1,9})", source):
        capture = cv2.VideoCapture(int(number[1]))
        problem = "not there or in use; try another number"
    else:
        raise UserError(
            f"{source}: not a camera; give a number, /dev/video0, rtsp://... or http://... (fer video reads files)"
        )
    if not capture.isOpened():
        capture.release()
        raise UserError(f"{camera_name(source)}: {problem}")
    camera = Camera(source, capture)
    try:
        yield camera
    finally:
        camera.close()


def camera_name(source: str) -> str:
    """What to call a camera in a message: without the password of its address."""
    return re.sub(r"//[^/@]*@", "//", source) if "://" in source else f"camera {source}"
