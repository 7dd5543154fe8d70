"""``fer video``: the faces of a video over time, as a table, JSON lines or CSV, a picture, and drawn into a copy."""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
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
from fer.commands.progress import progress
from fer.commands.reading import THREADS, Reading, open_reading
from fer.commands.stopping import Stopping, stopped_by_signals
from fer.commands.telling import Telling, choose_telling, say_end, say_written
from fer.commands.timeline import Timeline
from fer.errors import UserError
from fer.files import replace_file
from fer.inference.faces import count
from fer.inference.video import EndedEarlyError, Video, follow, open_video
from fer.inference.video_output import VideoOutput, check_target, open_output


def video(
    file: Annotated[str, typer.Argument(help="A video file: MP4, MOV, AVI, MKV, WebM.")],
    as_json: FramesAsJson = False,
    as_csv: FramesAsCsv = False,
    output: VideoFile = None,
    timeline: Annotated[
        Path | None, typer.Option(help="Write a picture of the emotions over time to this .png or .jpg file.")
    ] = None,
    baseline: Baseline = None,
    url: Url = None,
    model: Model = None,
    detector: DetectorName = None,
    min_face: MinFace = None,
) -> None:
    """Read the faces of a video and follow them over time.

    Times are those of the frames themselves, as players show them. Where
    the file ends early, what came before is told and written, and the exit
    code is 1. So it is after Ctrl-C and SIGTERM, with the exit codes 130
    and 143.
    """
    check_format(as_json, as_csv)
    if timeline and timeline.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"{timeline}: not a picture's name; end it in .png or .jpg")
    if timeline:
        check_target(timeline, Path(file))
    with ExitStack() as stack:
        stopping = stack.enter_context(stopped_by_signals())  # outermost: files are finished under it
        opened = _open(file, stack, as_json)
        written = stack.enter_context(open_output(output, opened.rate, opened.path)) if output else None
        reading = open_reading(url, model, detector, min_face, THREADS)
        telling = choose_telling(as_json, as_csv, reading.classes)
        job = Job(opened, reading, telling, baseline, written)
        job.advance = stack.enter_context(progress(opened.seconds, for_programs=as_json or as_csv))
        done = job.run(stopping)
    telling.end(done.summary, {"file": file, "detector": done.detector, "problem": done.problem})
    say_written(output, written)
    if timeline:
        _write_picture(timeline, done.timeline)
        print(f"timeline: {timeline}", file=sys.stderr)
    _say(opened.path, done, stopping)


def _open(file: str, stack: ExitStack, as_json: bool) -> Video:
    """The video, open as long as the stack; why it cannot be opened is told in JSON too."""
    try:
        return stack.enter_context(open_video(file))
    except UserError as error:
        if as_json:
            print(json.dumps({"file": file, "problem": str(error)}), flush=True)
        raise


@dataclass
class Done:
    """What was read, and why no more."""

    summary: Summary
    timeline: Timeline
    detector: str | None = None
    problem: str | None = None


class Job:
    """A video on its way through: every frame is told, added up and drawn."""

    advance: Callable[[float], None] = staticmethod(lambda _: None)

    def __init__(
        self, opened: Video, reading: Reading, telling: Telling, baseline: float | None, written: VideoOutput | None
    ) -> None:
        self._opened = opened
        self._written = written
        self._frames = follow(reading.photo, opened, reading.smoothing(baseline))
        self._telling = telling

    def run(self, stopping: Stopping) -> Done:
        """Read until the end, or until it is asked to stop."""
        done = Done(Summary(self._opened.rate), Timeline())
        try:
            for frame in self._frames:
                done.detector = frame.detector
                self._telling.frame(frame)
                done.summary.add(frame)
                done.timeline.add(frame, done.summary.interval)
                if self._written:
                    self._written.write(draw_faces(frame.image, frame.faces), frame.time)
                self.advance(frame.time)
                if stopping.signal:
                    done.problem = f"{self._opened.path}: stopped after {done.summary.end:.1f} s"
                    break
        except EndedEarlyError as error:
            done.problem = str(error)
        return done


def _say(file: Path, done: Done, stopping: Stopping) -> None:
    """The sum on standard error; a source that ended early, or a signal, ends the command with its exit code."""
    summary = done.summary
    people = count_people(len(summary.people))
    frames = f"{file.name}: {count(summary.frames, 'frame')}, {summary.end:.1f} s, {people}"
    say_end(frames, done.problem, stopping.exit_code or 1)


def _write_picture(path: Path, timeline: Timeline) -> None:
    with replace_file(path) as fresh:
        fresh.write_bytes(cv2.imencode(path.suffix.lower(), timeline.draw())[1].tobytes())
