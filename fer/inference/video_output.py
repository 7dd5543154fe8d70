"""Frames into a video file that appears whole, or as far as it came when somebody stopped it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from fer.errors import UserError
from fer.files import check_place, fresh_path, identity
from fer.inference.container import stated_bytes
from fer.inference.video import EndedEarlyError, check_name, quiet_opencv

#: Codecs that OpenCV's own wheel writes everywhere, by the output's suffix.
CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
#: A gap between two frames is filled for so many seconds at most.
LONGEST_GAP = 60


class VideoOutput:
    """A video file of a constant rate, written from frames at any times.

    Args:
        path: ends in one of ``CODECS``.
        rate: frames a second.
    """

    def __init__(self, path: Path, rate: float) -> None:
        self._path = path
        self._rate = rate
        self._writer = cv2.VideoWriter()
        self._size = (0, 0)
        self._start = 0.0
        self._last: np.ndarray | None = None
        self.frames = 0

    def write(self, image: np.ndarray, time: float) -> None:
        """Show ``image`` from ``time`` on: the one before is repeated until then, one that comes too soon is left out.

        Args:
            image: uint8 ``[H, W, 3]`` BGR; another size than the first's is resized.
            time: in seconds, rising.

        Raises:
            UserError: when the file cannot be opened.
        """
        if self._last is None:
            self._open(image, time)
        elif image.shape[1::-1] != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        self._start = max(self._start, time - (self.frames / self._rate + LONGEST_GAP))
        due = round((time - self._start) * self._rate)
        while self._last is not None and self.frames < due:
            self._put(self._last)
        if self.frames == due:
            self._put(image)
        self._last = image

    def close(self) -> None:
        """Finish the file.

        Raises:
            UserError: when it does not hold what was written: OpenCV does not say that a disk is full.
        """
        self._writer.release()
        if self.frames and not self._complete():
            raise UserError(f"{self._path.parent}: the video could not be written; check the disk's space")

    def _open(self, image: np.ndarray, time: float) -> None:
        quiet_opencv()
        codec = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
        self._size, self._start = (image.shape[1], image.shape[0]), time
        if not self._writer.open(str(self._path), codec, self._rate, self._size):
            raise UserError(f"{self._path.parent}: cannot be written to; check the folder's permissions and space")

    def _put(self, image: np.ndarray) -> None:
        self._writer.write(image)
        self.frames += 1

    def _complete(self) -> bool:
        if (stated_bytes(self._path) or 0) > self._path.stat().st_size:
            return False
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        try:
            return round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == self.frames
        finally:
            capture.release()


def check_target(path: Path, source: Path | None = None) -> None:
    """Check that a file can be written at a path, and is not what is read.

    Raises:
        UserError: where it cannot, or is.
    """
    check_place(path)
    if source is not None and identity(source) is not None and identity(source) == identity(path):
        raise UserError(f"{path}: is the source itself; write to another file")


@contextmanager
def open_output(path: Path, rate: float, source: Path | None = None) -> Iterator[VideoOutput]:
    """A video file to write to; it takes its place when the block ends.

    It does so, too, when the block is stopped from outside (Ctrl-C, a signal that raises) or its source ends early:
    what was written until then is a whole video. Any other failure leaves the former file, and no new folder.

    Args:
        path: ends in one of ``CODECS``.
        rate: frames a second.
        source: a file that must not be overwritten.

    Raises:
        UserError: for another suffix, the source itself, or when the file cannot be written.
    """
    if path.suffix.lower() not in CODECS:
        raise UserError(f"{path}: not a video file's name; end it in {' or '.join(CODECS)}")
    check_name(path)
    check_target(path, source)
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    fresh = fresh_path(path, path.suffix)
    output, keep = VideoOutput(fresh, rate), True
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield output
        except EndedEarlyError:
            raise
        except Exception:
            keep = False
            raise
        finally:
            output.close()
            if keep and output.frames:
                os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
        for folder in made if not path.exists() else ():
            with suppress(OSError):  # somebody else's file may be in it now
                folder.rmdir()
