"""What was read: the one form of a face that the library, the command line, the service and the page share."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any

from fer.errors import UserError
from fer.inference.detection import Box, Point

if TYPE_CHECKING:
    import pandas as pd


class Doubt(StrEnum):
    """Why a prediction is not certain."""

    PROBABILITY = "low probability"
    SMALL = "small face"
    DETECTION = "weak detection"
    BLUR = "blurred"
    NO_FACE = "not like a face"


@dataclass(frozen=True)
class Properties:
    """What is measured on a face's picture as the classifier sees it.

    Attributes:
        brightness: mean of the grey values, 0 to 255.
        contrast: their standard deviation.
        sharpness: see ``fer.inference.face_check.sharpness``.
        likeness: how much it looks like a face, as log-odds; None where the model has no face check.
    """

    brightness: float
    contrast: float
    sharpness: float
    likeness: float | None


@dataclass(frozen=True, repr=False)
class Face:
    """A face that was read.

    Attributes:
        box: left, top, width and height in pixels of the image.
        probabilities: by emotion, 0 to 1, together 1.
        emotion: the likeliest one; on a track, the one that its smoothing settled on.
        doubts: why the prediction is not certain; none where it is.
        score: how sure the detector is that this is a face, 0 to 1; None where it does not say.
        landmarks: right eye, left eye (the person's own), tip of the nose, right and left corner of the mouth.
        track: number of the person in a video, from 1.
        time: seconds since the start of the video.
        properties: of its picture; None where it was read elsewhere. They are told to nobody but the monitor.
    """

    box: Box
    probabilities: dict[str, float]
    emotion: str
    doubts: tuple[Doubt, ...] = ()
    score: float | None = None
    landmarks: tuple[Point, ...] | None = None
    track: int | None = None
    time: float | None = None
    properties: Properties | None = field(default=None, compare=False)

    @property
    def certain(self) -> bool:
        """Whether there is no doubt."""
        return not self.doubts

    @property
    def probability(self) -> float:
        """The emotion's."""
        return self.probabilities[self.emotion]

    @property
    def label(self) -> str:
        """The emotion, with a question mark where it is not certain."""
        return self.emotion if self.certain else f"{self.emotion}?"

    def __repr__(self) -> str:
        doubts = f"; {', '.join(self.doubts)}" if self.doubts else ""
        return f"Face({self.label} {percent(self.probability)}, box={self.box}{doubts})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; ``track`` and ``time`` where the face has them."""
        content: dict[str, Any] = {
            "box": list(self.box),
            "emotion": self.emotion,
            "probability": self.probability,
            "certain": self.certain,
            "doubts": [str(doubt) for doubt in self.doubts],
            "probabilities": dict(self.probabilities),
            "score": self.score,
            "landmarks": [list(point) for point in self.landmarks] if self.landmarks else None,
        }
        moments = {"track": self.track, "time": self.time}
        return content | {name: value for name, value in moments.items() if value is not None}

    def to_row(self) -> dict[str, Any]:
        """A flat row's part: ``FACE_COLUMNS``, and a probability by emotion."""
        values = (*self.box, self.emotion, self.probability, self.certain, ", ".join(self.doubts), self.score)
        return dict(zip(FACE_COLUMNS, values, strict=True)) | self.probabilities


@dataclass(frozen=True, repr=False)
class Photo:
    """The faces of one image; printed, a table of them.

    Attributes:
        width: of the upright image, in pixels.
        height: of the upright image, in pixels.
        detector: who found the faces; ``given`` where the caller's boxes were read.
        faces: the largest first.
        name: of the file, where there is one.
        classes: the emotions of the model, which ``to_frame`` has as columns; none where they are not known.
    """

    width: int
    height: int
    detector: str
    faces: tuple[Face, ...] = field(default=())
    name: str | None = None
    classes: tuple[str, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "detector": self.detector,
            "faces": [face.to_dict() for face in self.faces],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """A flat row per face, ready for a table: ``COLUMNS``, and a probability by emotion."""
        photo = {"name": self.name, "width": self.width, "height": self.height, "detector": self.detector}
        return [photo | {"face": number} | face.to_row() for number, face in enumerate(self.faces, start=1)]

    def to_frame(self) -> "pd.DataFrame":
        """A table with a row per face and the columns of ``to_rows``; without faces it has no row.

        Raises:
            UserError: where pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise UserError("to_frame needs pandas: pip install pandas; to_dict and to_rows need nothing") from error
        classes = self.classes or [name for face in self.faces[:1] for name in face.probabilities]
        return pd.DataFrame(self.to_rows(), columns=[*COLUMNS, *classes]).astype({"certain": bool})

    def __repr__(self) -> str:
        shown = [f"{face.label} {percent(face.probability)}" for face in self.faces[:SHOWN]]
        more = [f"and {len(self.faces) - SHOWN} more"] if len(self.faces) > SHOWN else []
        faces = f": {', '.join(shown + more)}" if shown else ""
        name = f"{self.name!r}, " if self.name else ""
        return f"Photo({name}{self.width}x{self.height}, {count(len(self.faces), 'face')}{faces})"

    def __str__(self) -> str:
        title = f"{self.name or 'photo'}: {self.width}x{self.height}, {count(len(self.faces), 'face')}"
        by = f" by {self.detector}" if self.faces else ""
        lines = [
            f"  {number:>2}  {face.label:<9} {percent(face.probability):>5}  {place(face.box):<20} "
            + ", ".join(face.doubts)
            for number, face in enumerate(self.faces, start=1)
        ]
        return "\n".join([title + by, *(line.rstrip() for line in lines)])


#: Of a face in flat rows, before the probabilities by emotion.
FACE_COLUMNS = (
    *("box_left", "box_top", "box_width", "box_height"),
    *("emotion", "probability", "certain", "doubts", "score"),
)
#: Of a photo's flat rows, before the probabilities by emotion.
COLUMNS = ("name", "width", "height", "detector", "face", *FACE_COLUMNS)
#: Faces that a photo's ``repr`` names.
SHOWN = 5


def write_csv_header(stream: IO[str], columns: Iterable[str], classes: Iterable[str]) -> "csv.DictWriter[str]":
    """Begin a CSV table of flat rows: ``columns``, and a probability by emotion; what writes its rows.

    Lines end in a newline alone, as those of other commands do.
    """
    writer = csv.DictWriter(stream, [*columns, *classes], lineterminator="\n")
    writer.writeheader()
    return writer


def percent(share: float) -> str:
    """A probability for people: ``93 %``."""
    return f"{share:.0%}".replace("%", " %")


def place(box: Box) -> str:
    """A box for people: its size, and where its left top corner is."""
    left, top, width, height = box
    return f"{width}x{height} at {left},{top}"


def count(number: int, thing: str) -> str:
    """``no face``, ``1 face``, ``2 faces``."""
    return f"{number or 'no'} {thing}{'s' if number > 1 else ''}"
