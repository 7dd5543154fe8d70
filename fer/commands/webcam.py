"""``fer webcam``: the faces that a camera sees, in a window, as they are now."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from fer.commands.annotate import draw_faces
from fer.commands.options import (
    Baseline,
    DetectorName,
    FramesAsCsv,
    FramesAsJson,
    MinFace,
    Model,
    Url,
    VideoFile,
    check_format,
)
from fer.commands.people import Summary, count_people
from fer.commands.reading import THREADS, open_reading
from fer.commands.stopping import Stopping, stopped_by_signals
from fer.commands.telling import CsvRows, choose_telling, say_end, say_written
from fer.errors import UserError
from fer.files import replace_file
from fer.inference.camera import Camera, camera_name, open_camera
from fer.inference.faces import count
from fer.inference.video import EndedEarlyError, Frame, follow
from fer.inference.video_output import open_output

WINDOW = "fer (q or Esc quits, c records a CSV)"
QUIT, RECORD = (ord("q"), 27), ord("c")
#: Seconds to wait for a frame before signals and keys are looked at again.
PATIENCE = 0.2
#: Frames a second of the video that is written, at most.
MOST_RATE = 30.0
#: Seconds over which frames are counted for the rate that is shown.
RATE_WINDOW = 2.0


def webcam(
    source: Annotated[str, typer.Argument(help="A camera: 0, /dev/video0, rtsp://..., http://...")] = "0",
    as_json: FramesAsJson = False,
    as_csv: FramesAsCsv = False,
    output: VideoFile = None,
    display: Annotated[bool, typer.Option(help="Show a window.")] = True,
    baseline: Baseline = None,
    url: Url = None,
    model: Model = None,
    detector: DetectorName = None,
    min_face: MinFace = None,
) -> None:
    """Read the faces that a camera sees, in a window.

    The newest frame is read: those that the computer has no time for are
    passed over, never shown late. q and Esc quit; c starts and ends a
    recording to a CSV file in this folder. Ctrl-C quits and leaves whole files.
    """
    check_format(as_json, as_csv)
    with ExitStack() as stack:
        stopping = stack.enter_context(stopped_by_signals())  # outermost: files are finished under it
        camera = stack.enter_context(open_camera(source))
        written = stack.enter_context(open_output(output, min(camera.rate, MOST_RATE))) if output else None
        show = stack.enter_context(_open_window()) if display else None
        reading = open_reading(url, model, detector, min_face, THREADS)
        telling = choose_telling(as_json, as_csv, reading.classes)
        recording = stack.enter_context(Recording(reading.classes))
        summary, meter, problem, key = Summary(camera.rate), Meter(), None, -1
        try:
            for frame in follow(reading.photo, _newest(camera, stopping), reading.smoothing(baseline)):
                summary.add(frame)
                telling.frame(frame)
                recording.add(frame)
                rate = meter.tick(time.monotonic())
                if written or show:
                    image = draw_faces(frame.image, frame.faces)
                    if written:
                        written.write(image, frame.time)
                    key = show(draw_state(image, rate, recording.path)) if show else key
                if key in QUIT:
                    break
                if key == RECORD:
                    recording.toggle()
        except EndedEarlyError as error:
            problem = str(error)
        telling.end(summary, {"camera": camera_name(source), "problem": problem})
    say_written(output, written)
    _say(summary, meter, problem)  # once the files are in their places: an exit code is an exception


def _newest(camera: Camera, stopping: Stopping) -> Iterator[Frame]:
    """The newest frame whenever one is asked for, until a signal asks to stop."""
    while not stopping.signal:
        frame = camera.newest(PATIENCE)
        if frame is not None:
            yield frame


def _say(summary: Summary, meter: "Meter", problem: str | None) -> None:
    """The sum on standard error; a camera that went away ends the command with exit code 1."""
    rate = f", {meter.mean:.1f} frames a second" if meter.mean else ""
    people = count_people(len(summary.people))
    say_end(f"{count(summary.frames, 'frame')}, {summary.end:.1f} s{rate}, {people}", problem)


class Meter:
    """Counts frames a second: over the last moments, and over all."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._first: float | None = None
        self._count = 0

    def tick(self, now: float) -> float:
        """Count a frame; the rate of the last ``RATE_WINDOW`` seconds."""
        self._first = now if self._first is None else self._first
        self._count += 1
        self._times.append(now)
        while now - self._times[0] > RATE_WINDOW:
            self._times.popleft()
        seconds = now - self._times[0]
        return (len(self._times) - 1) / seconds if seconds > 0 else 0.0

    @property
    def mean(self) -> float:
        """Frames a second from the first to the last."""
        seconds = self._times[-1] - self._first if self._times and self._first is not None else 0.0
        return (self._count - 1) / seconds if seconds > 0 else 0.0


class Recording:
    """A CSV file in the current folder that a key starts and ends; it appears whole.

    Args:
        classes: the emotions.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = classes
        self._stack = ExitStack()
        self._rows: CsvRows | None = None
        self.path: Path | None = None

    def toggle(self) -> None:
        """Start a recording, or end the one that runs."""
        if self._rows:
            self._finish()
            return
        path = Path(f"fer-{time.strftime('%Y%m%d-%H%M%S')}.csv")
        fresh = self._stack.enter_context(replace_file(path))
        stream = self._stack.enter_context(fresh.open("w", encoding="utf-8", newline=""))
        self._rows, self.path = CsvRows(self._classes, stream), path

    def add(self, frame: Frame) -> None:
        """Write a frame's faces, if a recording runs."""
        if self._rows:
            self._rows.frame(frame)

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()

    def _finish(self) -> None:
        self._stack.close()
        if self.path:
            print(f"recorded {self.path}", file=sys.stderr)
        self._rows = self.path = None


def draw_state(image: np.ndarray, rate: float, recording: Path | None) -> np.ndarray:
    """Write frames a second into the corner of a BGR image, and what is being recorded; the image is changed."""
    lines = [(f"{rate:.0f} fps", (255, 255, 255))] + ([(f"recording {recording}", (60, 60, 255))] if recording else [])
    for row, (text, colour) in enumerate(lines):
        origin = (8, image.shape[0] - 10 - 20 * row)
        for stroke, ink in ((3, (0, 0, 0)), (1, colour)):
            cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, stroke, cv2.LINE_AA)
    return image


@contextmanager
def _open_window() -> Iterator[Callable[[np.ndarray], int]]:
    """Yield a function that shows an image and returns the key that was pressed, or -1; Esc where it was closed."""
    remedy = "leave the window out (--no-display)"
    # OpenCV's window library ends the process, without an exception, where there is no display to open
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UserError(f"no display to show a window on (DISPLAY is not set); {remedy}")
    try:
        cv2.namedWindow(WINDOW, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error as error:
        raise UserError(f"this OpenCV opens no windows; pip install 'opencv-python<5', or {remedy}") from error

    def show(image: np.ndarray) -> int:
        cv2.imshow(WINDOW, image)
        key = cv2.waitKey(1)
        if cv2.getWindowProperty(WINDOW, cv2.WND_PROP_VISIBLE) < 1:
            return QUIT[-1]
        return key & 0xFF if key >= 0 else -1

    try:
        yield show
    finally:
        cv2.destroyAllWindows()
