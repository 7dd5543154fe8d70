"""Frames out of a video file with their own times, and frames into one."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from fer.errors import UserError
from fer.files import is_text
from fer.inference.container import has_index, stated_bytes, stated_seconds, stated_start
from fer.inference.cuts import Cuts
from fer.inference.faces import FACE_COLUMNS, Face, Photo
from fer.inference.media import check_video, is_address
from fer.inference.tracks import Smoothing, Tracker

if TYPE_CHECKING:
    from fer.inference.reader import Reader

#: Frames a second of a source that does not say.
DEFAULT_RATE = 25.0
#: No camera or film has more frames a second; what says so means something else.
MAX_RATE = 1000.0
#: Larger frames are refused: 8K has as many pixels as this.
MAX_PIXELS = 8192 * 4320
#: A whole file may show this share, or these seconds, less than it states: sound that is longer, a rounded length.
SHORTFALL, SHORTFALL_SECONDS = 0.02, 0.5


class EndedEarlyError(UserError):
    """A source that broke off after ``frames`` frames, at ``time`` seconds."""

    def __init__(self, message: str, frames: int, time: float) -> None:
        super().__init__(message)
        self.frames = frames
        self.time = time


@dataclass(frozen=True)
class Frame:
    """One picture of a video or a camera, and the faces that were read in it.

    Attributes:
        index: its number, from 0; a camera's numbers have gaps where frames were passed over.
        time: of a file, in seconds as players show it: a first frame that an MP4's or QuickTime file's edit list puts
            off comes later than 0. Of other files, and of a camera, seconds since the first frame.
        image: uint8 ``[H, W, 3]`` BGR, upright.
        faces: each with its track.
        detector: who found the faces; None before anybody looked.
    """

    index: int
    time: float
    image: np.ndarray = field(repr=False, compare=False)
    faces: tuple[Face, ...] = ()
    detector: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON, without the image."""
        faces = [face.to_dict() for face in self.faces]
        return {"frame": self.index, "time": self.time, "detector": self.detector, "faces": faces}

    def to_rows(self) -> list[dict[str, Any]]:
        """A flat row per face, ready for a table: ``COLUMNS``, and a probability by emotion."""
        frame = {"frame": self.index, "time": self.time}
        return [frame | {"track": face.track, "detector": self.detector} | face.to_row() for face in self.faces]


#: Of a frame's flat rows, before the probabilities by emotion.
COLUMNS = ("frame", "time", "track", "detector", *FACE_COLUMNS)


class Video:
    """A video file that is open: iterate once over its frames.

    Attributes:
        path: of the file.
        rate: frames a second, on average.
        start: when its first frame is shown, in seconds.
        seconds: when it says that it ends; None where it does not say.
    """

    def __init__(self, path: Path, capture: cv2.VideoCapture) -> None:
        self.path = path
        self._capture = capture
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= MAX_RATE else DEFAULT_RATE
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._count = count if count > 0 else math.inf
        self.start = stated_start(path)
        shown = stated_seconds(path) or (count / self.rate if count > 0 else None)
        self.seconds = None if shown is None else self.start + shown

    def __iter__(self) -> Iterator[Frame]:
        """Every frame, with its own time stamp: a variable rate shows.

        Raises:
            EndedEarlyError: after the last frame, when the file goes on, or says so, and no more can be decoded.
        """
        index, time, start = 0, self.start, 0.0
        while (read := self._capture.read())[0]:
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if index == 0:
                start = stamp - self.start
            # Times only rise; a frame without one follows the last at the file's rate.
            time = stamp - start if index == 0 or stamp - start > time else time + 1 / self.rate
            yield Frame(index, time, read[1])
            index += 1
        self._check_end(index, time)

    def _check_end(self, frames: int, time: float) -> None:
        done = f"{frames} frames, {time:.1f}{f' of {self.seconds:.1f}' if self.seconds else ''} s"
        try:
            size, stated = self.path.stat().st_size, stated_bytes(self.path)
        except OSError as error:
            lost = f"cannot be read any more ({error.strerror})"
            raise EndedEarlyError(f"{self.path}: {lost}, after {done}", frames, time) from error
        if stated is not None and stated > size:
            lost = f"the file is cut off ({size:,} of {stated:,} bytes); copy it again, whole"
            raise EndedEarlyError(f"{self.path}: ends early, after {done}: {lost}", frames, time)
        shown = time + 1 / self.rate
        if self.seconds and frames < self._count:
            missing = self.seconds - shown
            if missing > max(SHORTFALL_SECONDS, SHORTFALL * self.seconds):
                lost = "what follows cannot be decoded; the file is damaged"
                raise EndedEarlyError(f"{self.path}: ends early, after {done}: {lost}", frames, time)


def check_name(path: Path) -> None:
    """Refuse a path that OpenCV cannot be given: it ends the process.

    Raises:
        UserError: for one that is not UTF-8.
    """
    if not is_text(str(path)):
        raise UserError(f"{path}: a name on this path is not UTF-8; rename it for OpenCV to open it")


@contextmanager
def open_video(source: str | Path) -> Iterator[Video]:
    """A video file, its frames turned upright as its metadata asks.

    Raises:
        UserError: when it is not there, or no video that can be decoded.
    """
    if not isinstance(source, str | Path):
        raise UserError(f"a video cannot be of type {type(source).__name__}; give its file's path")
    if is_address(str(source)):
        raise UserError(f"{source}: is an address; download the video, and name its file (fer webcam reads streams)")
    path = Path(source)
    try:
        _check_file(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    quiet_opencv()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            cut_off = not has_index(path) or (stated_bytes(path) or 0) > path.stat().st_size
            if cut_off:
                raise UserError(
                    f"{path}: is cut off: the index of its frames, at its end, is missing; copy it again, whole"
                )
            raise UserError(
                f"{path}: shows nothing that OpenCV can read, sound alone or a codec that it lacks; "
                "convert the video to an .mp4 with H.264"
            )
        width, height = (round(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            limit = f"{MAX_PIXELS / 1e6:.0f} megapixels"
            raise UserError(f"{path}: has frames of {width}x{height} pixels, more than {limit}; give a smaller one")
        yield Video(path, capture)
    finally:
        capture.release()


def _check_file(path: Path) -> None:
    if not path.is_file():
        why = "is no regular file" if path.exists() else "no such file"
        raise UserError(f"{path}: {why}; give a video file")
    check_video(path)
    check_name(path)


def read_video(reader: "Reader", source: str | Path, smoothing: Smoothing | None = None) -> Iterator[Frame]:
    """The faces of every frame of a video file, people followed and emotions smoothed; one frame in memory.

    Args:
        reader: reads the faces.
        source: a video file.
        smoothing: the settings; where they name no thresholds, labels are certain by those of the reader's model.

    Raises:
        UserError: when the file is no video that can be read.
        EndedEarlyError: after the last frame that could be decoded, when the file breaks off there.
    """
    smoothing = smoothing or Smoothing()
    if smoothing.thresholds is None:
        smoothing = replace(smoothing, thresholds=reader.classifier.card.thresholds)
    with open_video(source) as video:
        yield from follow(reader.photo, video, smoothing)


def follow(
    read: Callable[[np.ndarray], Photo], frames: Iterable[Frame], smoothing: Smoothing | None = None
) -> Iterator[Frame]:
    """Every frame with its faces, as ``read`` finds them, on their tracks; these end where the scene is cut."""
    tracker, cuts = Tracker(smoothing), Cuts()
    for frame in frames:
        if cuts.found(frame.image):
            tracker.cut()
        photo = read(frame.image)
        yield replace(frame, faces=tracker.step(frame.time, photo.faces), detector=photo.detector)


def quiet_opencv() -> None:
    """OpenCV and its FFmpeg write lines of their own about sources that do not open: ours say it."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
