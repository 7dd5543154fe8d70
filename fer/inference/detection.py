"""Where the faces are."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fer.errors import UserError, did_you_mean

#: A face's left, top, width and height in pixels.
Box = tuple[int, int, int, int]
#: Pixels from the left and from the top.
Point = tuple[float, float]


@dataclass(frozen=True)
class Detection:
    """A face that was found, or a box that the caller gave.

    Attributes:
        box: in pixels of the image; it may reach over the image's edge.
        score: how sure the detector is, 0 to 1; None where it does not say.
        landmarks: right eye, left eye (the person's own), tip of the nose, right and left corner of the mouth; None
            where the detector does not say.
    """

    box: Box
    score: float | None = None
    landmarks: tuple[Point, ...] | None = None


class Detector(Protocol):
    """Anything that finds faces; one may be shared by threads."""

    #: What outputs call it.
    name: str

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""


#: What ``open_detector`` takes.
DETECTORS = ("auto", "cascade")


def open_detector(name: str = "auto", min_face: int | None = None) -> Detector:
    """The detector of a name.

    Raises:
        UserError: for another name.
    """
    if name not in DETECTORS:
        raise UserError(f"no detector is called {name!r}{did_you_mean(name, DETECTORS)}")
    return CascadeDetector(min_face or 48)


class CascadeDetector:
    """The frontal face cascade that OpenCV's wheel carries (Viola and Jones 2001).

    Args:
        min_size: side of the smallest face to look for, in pixels.
    """

    name = "cascade"

    def __init__(self, min_size: int = 48) -> None:
        cascade = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
        self._cascade = cv2.CascadeClassifier(str(cascade))
        self._lock = threading.Lock()  # used by two threads at once, it gives one the other's boxes
        self._min_size = min_size

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""
        grey = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image)
        smallest = (self._min_size, self._min_size)
        with self._lock:
            found = self._cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=smallest)
        return largest_first([Detection((int(x), int(y), int(w), int(h))) for x, y, w, h in found])


def largest_first(detections: list[Detection]) -> list[Detection]:
    """Sorted by the area of the box."""
    return sorted(detections, key=lambda found: found.box[2] * found.box[3], reverse=True)
