"""Who was seen in a video, for how long, and with which emotions: sums that do not grow with its length."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from fer.inference.faces import Face
from fer.inference.tracks import Smoothing
from fer.inference.video import Frame


@dataclass
class Person:
    """Seconds of one track: ``certain`` of all, and by emotion."""

    track: int
    first: float
    last: float
    seconds: float = 0.0
    certain: float = 0.0
    emotions: Counter[str] = field(default_factory=Counter)

    def add(self, face: Face, time: float, interval: float) -> None:
        """Count a sighting that stands for ``interval`` seconds."""
        self.last = time
        self.seconds += interval
        self.certain += interval if face.certain else 0.0
        for name in face.probabilities:
            self.emotions[name] += interval if name == face.emotion else 0.0  # type: ignore[assignment]  # typed for int

    def to_dict(self) -> dict[str, Any]:
        """Plain values; shares of the seconds that the person was seen, the largest first, of every emotion."""
        return {
            "track": self.track,
            "first": self.first,
            "last": self.last,
            "seconds": self.seconds,
            "certain": self.certain / self.seconds,
            "emotions": {name: seconds / self.seconds for name, seconds in self.emotions.most_common()},
        }


class Summary:
    """What a video showed, added up frame by frame.

    Args:
        rate: frames a second; what the first frame stands for.
    """

    def __init__(self, rate: float) -> None:
        self.frames = 0
        self.time = 0.0
        self.people: dict[int, Person] = {}
        self.interval = 1 / rate

    def add(self, frame: Frame) -> None:
        """Count a frame: it stands for the time since the one before."""
        if self.frames:
            self.interval = frame.time - self.time
        self.frames += 1
        self.time = frame.time
        for face in frame.faces:
            assert face.track is not None
            person = self.people.setdefault(face.track, Person(face.track, frame.time, frame.time))
            person.add(face, frame.time, self.interval)

    @property
    def end(self) -> float:
        """When the last frame ends, in seconds: where nothing was read, 0."""
        return self.time + self.interval if self.frames else 0.0

    def longest_seen(self) -> list[Person]:
        """Everybody, who was seen longest first."""
        return sorted(self.people.values(), key=lambda person: (-person.seconds, person.track))


@dataclass(frozen=True)
class Run:
    """A stretch of time in which one person's label stayed the same."""

    track: int
    emotion: str
    start: float
    end: float
    frames: int = 0
    certain: int = 0
    probability: float = 0.0

    @property
    def place(self) -> tuple[float, int]:
        """Among other runs."""
        return self.start, self.track

    def with_face(self, face: Face, time: float) -> "Run":
        """The run up to a further sighting."""
        mean = self.probability + (face.probability - self.probability) / (self.frames + 1)
        return replace(self, end=time, frames=self.frames + 1, certain=self.certain + face.certain, probability=mean)


class Runs:
    """The runs of everybody, by start and person; one that ends waits for those that began before it and go on."""

    def __init__(self) -> None:
        self._open: dict[int, Run] = {}
        self._ended: list[Run] = []
        self._seen: set[int] = set()  # in the last frame

    def add(self, frame: Frame) -> list[Run]:
        """The runs that can be told after this frame.

        A run ends with the frame in which its label has changed, or its person is not seen for the first time.
        """
        self._last_until(frame.time)
        self._seen = set()
        for face in frame.faces:
            assert face.track is not None
            run = self._open.get(face.track)
            if run is None or run.emotion != face.emotion:
                if run is not None:
                    self._ended.append(run)
                run = Run(face.track, face.emotion, frame.time, frame.time)
            self._open[face.track] = run.with_face(face, frame.time)
            self._seen.add(face.track)
        gone = [track for track, run in self._open.items() if frame.time - run.end > Smoothing.memory]
        self._ended += [self._open.pop(track) for track in gone]
        return self._told(min((run.place for run in self._open.values()), default=None))

    def end(self, time: float) -> list[Run]:
        """The runs that are left, where the last frame is shown until ``time``."""
        self._last_until(time)
        self._ended += self._open.values()
        self._open = {}
        return self._told(None)

    def _last_until(self, time: float) -> None:
        for track in self._seen:
            self._open[track] = replace(self._open[track], end=time)

    def _told(self, before: tuple[float, int] | None) -> list[Run]:
        """Take out those that began before a place, or all."""
        self._ended.sort(key=lambda run: run.place)
        told = [run for run in self._ended if before is None or run.place < before]
        del self._ended[: len(told)]
        return told


def count_people(number: int) -> str:
    """``nobody``, ``1 person``, ``2 people``: tracks, for people; who comes back later is counted again."""
    return "nobody" if number == 0 else "1 person" if number == 1 else f"{number} people"
