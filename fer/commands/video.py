"""``fer video``: the faces of a video over time, as a table, JSON lines or CSV, a picture, and drawn into a copy."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import typer

from fer.commands.annotate import draw_faces
from fer.commands.people import Summary
from fer.commands.reading import THREADS, Reading, open_reading
from fer.commands.stopping import Stopping, stopped_by_signals
from fer.commands.telling import Telling, choose_telling
from fer.commands.timeline import Timeline
from fer.errors import UserError
from fer.files import replace_file
from fer.inference.faces import count
from fer.inference.video import EndedEarlyError, Video, follow, open_video
from fer.inference.video_output import VideoOutput, open_output


def video(
    file: Annotated[Path, typer.Argument(help="A video file: MP4, MOV, AVI, MKV, WebM.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line for every frame.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a row for every face of every frame.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the video with boxes to this .mp4 or .avi file.")] = None,
    timeline: Annotated[
        Path | None, typer.Option(help="Write a picture of the emotions over time here (.png).")
    ] = None,
    baseline: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds at the start in which everybody's face rests: it then counts as neutral."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Ask the service at this address; FER_API_KEY holds its key, if it has one.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Folder of a model, or 'released', the package's own.")] = None,
    detector: Annotated[str | None, typer.Option(help="auto, yunet or cascade.  [default: auto]")] = None,
    min_face: Annotated[int | None, typer.Option(help="Side of the smallest face to look for, in pixels.")] = None,
) -> None:
    """Read the faces of a video and follow them over time.

    Times are those of the frames themselves. Where the file ends early,
    what came before is told and written, and the exit code is 1. So it is
    after Ctrl-C and SIGTERM, with the exit codes 130 and 143.
    """
    if timeline and timeline.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"{timeline}: not a picture's name; end it in .png or .jpg")
    with ExitStack() as stack:
        stopping = stack.enter_context(stopped_by_signals())  # outermost: files are finished under it
        opened = stack.enter_context(open_video(file))
        reading = open_reading(url, model, detector, min_face, THREADS)
        telling = choose_telling(as_json, as_csv, reading.classes)
        job = Job(opened, reading, telling, baseline)
        job.output = stack.enter_context(open_output(output, opened.rate, file)) if output else None
        job.advance = stack.enter_context(_progress(opened.seconds))
        done = job.run(stopping)
    telling.end(done.summary, {"file": str(file), "detector": done.detector, "problem": done.problem})
    if timeline:
        _write_picture(timeline, done.timeline)
    _say(file, done, stopping)


@dataclass
class Done:
    """What was read, and why no more."""

    summary: Summary
    timeline: Timeline
    detector: str | None = None
    problem: str | None = None


class Job:
    """A video on its way through: every frame is told, added up and drawn."""

    output: VideoOutput | None = None
    advance: Callable[[float], None] = staticmethod(lambda _: None)

    def __init__(self, opened: Video, reading: Reading, telling: Telling, baseline: float | None) -> None:
        self._opened = opened
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
                if self.output:
                    self.output.write(draw_faces(frame.image, frame.faces), frame.time)
                self.advance(frame.time)
                if stopping.signal:
                    done.problem = f"{self._opened.path}: stopped after {frame.time:.1f} s"
                    break
        except EndedEarlyError as error:
            done.problem = str(error)
        return done


def _say(file: Path, done: Done, stopping: Stopping) -> None:
    """The sum on standard error; a source that ended early, or a signal, ends the command with its exit code."""
    summary = done.summary
    people = (
        "nobody" if not summary.people else f"{len(summary.people)} people" if len(summary.people) > 1 else "1 person"
    )
    print(f"{file.name}: {count(summary.frames, 'frame')}, {summary.time:.1f} s, {people}", file=sys.stderr)
    if done.problem:
        print(done.problem, file=sys.stderr)
        raise typer.Exit(stopping.exit_code or 1)


def _write_picture(path: Path, timeline: Timeline) -> None:
    with replace_file(path) as fresh:
        fresh.write_bytes(cv2.imencode(path.suffix.lower(), timeline.draw())[1].tobytes())


@contextmanager
def _progress(seconds: float | None) -> Iterator[Callable[[float], None]]:
    """Yield a function that moves a bar on standard error to a time; there is none where it is no terminal."""
    if not seconds or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    on_terminal = sys.stdout.isatty()
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=on_terminal, redirect_stderr=False
    ) as bar:
        task = bar.add_task("", total=seconds)
        yield lambda time: bar.update(task, completed=time)
