"""What frames showed, on standard output: a table of runs, JSON lines or CSV, as it comes."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import typer

from fer.commands.people import Run, Runs, Summary
from fer.commands.tables import Column, Table, detector_line
from fer.commands.timeline import clock
from fer.emotions import EMOTIONS
from fer.inference.faces import percent, write_csv_header
from fer.inference.video import COLUMNS, Frame
from fer.inference.video_output import VideoOutput

#: People seen for less than this, in seconds, are counted only in the table.
BRIEF = 0.5


def say_end(done: str, problem: str | None, exit_code: int = 1) -> None:
    """Say on standard error what was done; a problem that ended the work early ends the command with its exit code."""
    print(done, file=sys.stderr)
    if problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(exit_code)


def say_written(path: Path | None, output: VideoOutput | None) -> None:
    """Say on standard error which video was written, if any was."""
    if output and output.frames:
        print(f"with boxes: {path}", file=sys.stderr)


class Telling(Protocol):
    """Tells every frame, and the sum at the end; what was told is complete whenever it stops."""

    def frame(self, frame: Frame) -> None:
        """Tell one frame."""

    def end(self, summary: Summary, facts: dict[str, Any]) -> None:
        """Tell the sum; ``facts`` are what else there is to say."""


def choose_telling(as_json: bool, as_csv: bool, classes: Sequence[str]) -> Telling:
    """What the options ask for."""
    return JsonLines() if as_json else CsvRows(classes, sys.stdout) if as_csv else RunTable(classes)


class JsonLines:
    """An object a line for every frame, and a last one with the key ``summary``."""

    def frame(self, frame: Frame) -> None:
        """Print the frame."""
        print(json.dumps(frame.to_dict()), flush=True)

    def end(self, summary: Summary, facts: dict[str, Any]) -> None:
        """Print the sum, everybody in it."""
        people = [person.to_dict() for person in summary.longest_seen()]
        sums = {"frames": summary.frames, "seconds": summary.end, "tracks": people}
        print(json.dumps({"summary": facts | sums}), flush=True)


class CsvRows:
    """A row for every face of every frame; ``COLUMNS``, then the probabilities by emotion.

    Args:
        classes: the emotions.
        stream: what to write to.
    """

    def __init__(self, classes: Sequence[str], stream: IO[str]) -> None:
        self._stream = stream
        self._writer = write_csv_header(stream, COLUMNS, classes)

    def frame(self, frame: Frame) -> None:
        """Write the frame's faces."""
        self._writer.writerows(frame.to_rows())
        self._stream.flush()

    def end(self, summary: Summary, facts: dict[str, Any]) -> None:
        """Nothing: the rows are all."""


class RunTable:
    """A row for every stretch in which somebody's label stayed the same, by its start; then a row for everybody.

    Args:
        classes: the emotions.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = [name for name in EMOTIONS if name in classes]
        self._runs = Runs()
        self._table = Table(
            Column("from", 9, right=True),
            Column("to", 9, right=True),
            Column("person", 6, right=True),
            Column("emotion", 9),
            Column("probability", 11, right=True),
            Column("certain", 7, right=True),
        )
        self._begun = False
        self._detector: str | None = None

    def frame(self, frame: Frame) -> None:
        """Print the runs that ended and before which none goes on."""
        self._print(self._runs.add(frame))
        self._detector = frame.detector

    def end(self, summary: Summary, facts: dict[str, Any]) -> None:
        """Print the runs that are left, and everybody who was seen for a while."""
        self._print(self._runs.end(summary.end))
        people = [person for person in summary.longest_seen() if person.seconds >= BRIEF]
        if people:
            emotions = [Column(name, max(len(name), 5), right=True) for name in self._classes]
            seen = Column("seen", 7, right=True)
            table = Table(Column("person", 6, right=True), seen, *emotions, Column("certain", 7, right=True))
            print("\nshare of the time in which a person was seen:", table.header, sep="\n")
            for person in people:
                shares = [percent(person.emotions[name] / person.seconds) for name in self._classes]
                certain = percent(person.certain / person.seconds)
                print(table.row(str(person.track), f"{person.seconds:.1f} s", *shares, certain))
        if brief := len(summary.people) - len(people):
            print(f"and {brief} seen for less than {BRIEF} s")
        if self._begun:
            print("\ncertain: share of the time in which the network was certain of the emotion")
        if line := detector_line(self._detector):
            print(line)
        sys.stdout.flush()

    def _print(self, runs: Sequence[Run]) -> None:
        for run in runs:
            if not self._begun:
                print(self._table.header)
                self._begun = True
            certain = percent(run.certain / run.frames)
            times = clock(run.start, 2), clock(run.end, 2)
            print(self._table.row(*times, str(run.track), run.emotion, percent(run.probability), certain))
            sys.stdout.flush()
