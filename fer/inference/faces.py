"""What was read: the one form of a face that the library, the command line, the service and the page share."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fer.inference.detection import Box, Point


class Doubt(StrEnum):
    """Why a prediction is not certain."""

    PROBABILITY = "low probability"
    SMALL = "small face"
    DETECTION = "weak detection"
    BLUR = "blurred"
    NO_FACE = "not like a face"


@dataclass(frozen=True)
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
    """

    box: Box
    probabilities: dict[str, float]
    emotion: str
    doubts: tuple[Doubt, ...] = ()
    score: float | None = None
    landmarks: tuple[Point, ...] | None = None
    track: int | None = None
    time: float | None = None

    @property
    def certain(self) -> bool:
        """Whether there is no doubt."""
        return not self.doubts

    @property
    def probability(self) -> float:
        """The emotion's."""
        return self.probabilities[self.emotion]

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


@dataclass(frozen=True)
class Photo:
    """The faces of one image.

    Attributes:
        width: of the upright image, in pixels.
        height: of the upright image, in pixels.
        detector: who found the faces; ``given`` where the caller's boxes were read.
        faces: the largest first.
        name: of the file, where there is one.
    """

    width: int
    height: int
    detector: str
    faces: tuple[Face, ...] = field(default=())
    name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "detector": self.detector,
            "faces": [face.to_dict() for face in self.faces],
        }
