"""Where the faces are."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

#: A face's left, top, width and height in pixels.
Box = tuple[int, int, int, int]


class Detector(Protocol):
    """Anything that finds faces."""

    def detect(self, image: np.ndarray) -> list[Box]:
        """Boxes of the faces in a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""


class CascadeDetector:
    """The frontal face cascade that OpenCV's wheel carries (Viola and Jones 2001); one per thread.

    Args:
        min_size: side of the smallest face to look for, in pixels.
    """

    def __init__(self, min_size: int = 48) -> None:
        cascade = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
        self._cascade = cv2.CascadeClassifier(str(cascade))
        self._min_size = min_size

    def detect(self, image: np.ndarray) -> list[Box]:
        """Boxes of the faces in a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
        found = self._cascade.detectMultiScale(
            cv2.equalizeHist(grey), scaleFactor=1.1, minNeighbors=5, minSize=(self._min_size, self._min_size)
        )
        boxes = [(int(x), int(y), int(w), int(h)) for x, y, w, h in found]
        return sorted(boxes, key=lambda box: box[2] * box[3], reverse=True)


def crop(image: np.ndarray, box: Box, margin: float = 0.0) -> np.ndarray:
    """The part of ``image`` under ``box``, widened by ``margin`` (a share of each side) and cut at the image's edge.

    Args:
        image: ``[H, W]`` or ``[H, W, C]``.
        box: must overlap the image.
        margin: 0 keeps the box, 0.1 adds a tenth of its width left and right, and of its height above and below.

    Raises:
        ValueError: when nothing of the box lies inside the image.
    """
    x, y, width, height = box
    left, right = round(x - margin * width), round(x + width + margin * width)
    top, bottom = round(y - margin * height), round(y + height + margin * height)
    part = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if part.size == 0:
        raise ValueError(f"box {box} lies outside an image of {image.shape[1]}x{image.shape[0]} pixels")
    return part
