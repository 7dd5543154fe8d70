"""Where the faces are."""

import logging
import math
import os
import threading
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from fer.errors import UserError, did_you_mean
from fer.inference.yunet_file import NAME, SETTING, YuNetMissing, yunet_bytes

#: A face's left, top, width and height in pixels.
Box = tuple[int, int, int, int]
#: Pixels from the left and from the top.
Point = tuple[float, float]

#: What ``open_detector`` takes.
DETECTORS = ("auto", "yunet", "cascade")
#: A face of more pixels fits into no JPEG.
MOST_MIN_FACE = 65_535

#: Long side in pixels at which photos are searched first; detectors miss faces in larger ones, and cost more.
SEARCH_SIDE = 640
#: Side in pixels that a face needs in the search to be found reliably.
FOUND_SIDE = 20
#: Pixels of a closer search, 1,000 x 750: two searches of 12 megapixels take less time than their decoding.
CLOSER_SEARCH = 750_000
#: Pixels of the closest search, 2,000 x 1,500, for faces that are small, or asked for: five times as long.
CLOSEST_SEARCH = 3_000_000
#: A photo in which no face is larger than this in a search may hold smaller ones that it misses.
SMALL_SIDE = 40
#: How many times larger a closer search must be to find what the one before did not.
WORTH_IT = 1.2
#: Long side in pixels to which smaller images are enlarged: YuNet finds a face in 96 % of FER-2013's test images then,
#: which are all face, and in 73 % as they are (``benchmarks/small_faces.py``).
LEAST_LONG_SIDE = 128
#: Pixels of the least side that YuNet is given: of 32 or less OpenCV 4.14 reads memory that it never wrote, and finds
#: faces there.
LEAST_SEARCH = 64
#: YuNet's least score, and the overlap (share of the union) above which two boxes are one face.
LEAST_SCORE, SAME_FACE = 0.7, 0.3
#: A lower score from which on a box may be a small face that a closer search is surer of. Faces of 50 pixels in 12
#: megapixels have 0.7 in a search of 1,000 pixels; of 48 pictures without a face 46 have less than 0.2.
HINT = 0.2
#: Share of the smaller box inside the larger one above which two boxes of two searches are one face.
INSIDE = 0.7

_log = logging.getLogger(__name__)


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

    @property
    def side(self) -> int:
        """The box's shorter side in pixels: the size of a face, for ``min_face`` and for ``doubts``."""
        return min(self.box[2:])

    @property
    def roll(self) -> float | None:
        """Degrees by which the line through the eyes is turned clockwise from level, -180 to 180; None without eyes."""
        if self.landmarks is None:
            return None
        (right_x, right_y), (left_x, left_y) = self.landmarks[:2]
        return math.degrees(math.atan2(left_y - right_y, left_x - right_x))


class Detector(Protocol):
    """Anything that finds faces; one may be shared by threads."""

    #: What outputs call it.
    name: str

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""


def open_detector(name: str = "auto", min_face: int | None = None) -> Detector:
    """The detector of a name.

    Args:
        name: ``yunet``, ``cascade``, or ``auto``: YuNet, and where its file cannot be had the cascade, which one line
            of warning says.
        min_face: shorter side in pixels of the smallest face to find; by default whatever the detector finds.

    Raises:
        UserError: for another name, a ``min_face`` below 1 or beyond any image's side, and for ``yunet`` where its file
            cannot be had.
    """
    if name not in DETECTORS:
        raise UserError(f"no detector is called {name!r}{did_you_mean(name, DETECTORS)}")
    if min_face is not None and (not isinstance(min_face, Real) or not 1 <= min_face <= MOST_MIN_FACE):
        raise UserError(f"the smallest face to find has {min_face!r} pixels; give 1 to {MOST_MIN_FACE}")
    if name == "cascade":
        return CascadeDetector(min_face)
    try:
        return YuNetDetector(min_face)
    except YuNetMissing as missing:
        if name == "yunet":
            raise UserError(str(missing)) from missing
        _warn_of_cascade(str(missing))
        return CascadeDetector(min_face)


_warned = threading.Event()


def _warn_of_cascade(reason: str) -> None:
    if not _warned.is_set():
        _warned.set()
        _log.warning("the cascade finds the faces, and misses more of them: %s", reason)


class YuNetDetector:
    """YuNet (Wu, Peng and Yu 2023), the version of March 2023 in OpenCV Zoo, run by OpenCV.

    A photo is searched at a long side of 640 pixels at most, and of 128 at least. Where that finds no face or small
    ones only, it is searched again at 0.75 megapixels at most; where there are small ones only, or hints of some, at 3
    megapixels at most.

    Args:
        min_face: shorter side in pixels of the smallest face to find: the second search is then as large as it needs, 3
            megapixels and the picture's own pixels at most. By default what the searches find: some 20 of their pixels.

    Raises:
        UserError: where the file that ``FER_YUNET`` names is not YuNet.
        YuNetMissing: where no file can be had.
    """

    name = "yunet"

    def __init__(self, min_face: int | None = None) -> None:
        self._min_face = min_face
        self._model = np.frombuffer(yunet_bytes(), np.uint8)
        self._local = threading.local()
        try:
            self._search(np.zeros((64, 64, 3), np.uint8), 1.0)
        except cv2.error as error:
            raise UserError(
                f"{SETTING}: {os.environ.get(SETTING)}: not a YuNet model ({error.err}); name {NAME}"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return {"_min_face": self._min_face, "_model": self._model}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _local=threading.local())

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        long_side = max(image.shape[:2])
        scale = min(max(long_side, LEAST_LONG_SIDE), SEARCH_SIDE) / long_side
        found = self._search(image, scale)
        while (closer := self._closer(image, scale, found)) > WORTH_IT * scale:
            found, scale = merged(np.concatenate([found, self._search(image, closer)])), closer
        faces = [_detection(row) for row in found[found[:, 14] >= LEAST_SCORE]]
        return largest_first([face for face in faces if face.side >= (self._min_face or 0)])

    def _closer(self, image: np.ndarray, scale: float, found: np.ndarray) -> float:
        """The scale of the next search; ``scale`` where none is needed."""
        pixels = image.shape[0] * image.shape[1]
        wanted, most = 1.0, CLOSER_SEARCH
        sure = found[found[:, 14] >= LEAST_SCORE]
        if self._min_face is not None:
            wanted, most = FOUND_SIDE / self._min_face, CLOSEST_SEARCH
        elif len(sure) and sure[:, 3].max() * scale >= SMALL_SIDE:
            return scale
        elif len(found) and WORTH_IT * scale >= (CLOSER_SEARCH / pixels) ** 0.5:
            most = CLOSEST_SEARCH
        return max(scale, min(wanted, (most / pixels) ** 0.5, 1.0))

    def _search(self, image: np.ndarray, scale: float) -> np.ndarray:
        """YuNet's rows, float32 ``[N, 15]``: box, five landmarks, score, ``HINT`` or more; in pixels of ``image``."""
        height, width = image.shape[:2]
        size = (max(1, round(scale * width)), max(1, round(scale * height)))
        image = averaged(image, size) if scale <= 1 else cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
        below, right = max(0, LEAST_SEARCH - size[1]), max(0, LEAST_SEARCH - size[0])
        if below or right:
            # In black, as OpenCV fills up to multiples of 32: repeated edges hide a face that the picture cuts.
            image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT)
        network = self._network()
        network.setInputSize((size[0] + right, size[1] + below))
        rows = network.detect(image)[1]
        if rows is None:
            return np.empty((0, 15), np.float32)
        rows[:, 0:14:2] *= width / size[0]
        rows[:, 1:14:2] *= height / size[1]
        rows = rows[np.isfinite(rows).all(axis=1)]
        centres = rows[:, :2] + rows[:, 2:4] / 2
        return rows[((centres >= 0) & (centres <= (width, height))).all(axis=1)]

    def _network(self) -> cv2.FaceDetectorYN:
        """The calling thread's own: one that two threads use at once gives one the other's boxes."""
        network: cv2.FaceDetectorYN | None = getattr(self._local, "network", None)
        if network is None:
            nothing = np.empty(0, np.uint8)
            network = cv2.FaceDetectorYN.create("onnx", self._model, nothing, (64, 64), HINT, SAME_FACE)
            self._local.network = network
        return network


class CascadeDetector:
    """The frontal face cascade that OpenCV's wheel carries (Viola and Jones 2001); used where YuNet cannot be had.

    Args:
        min_face: side in pixels of the smallest face to find, at least a 26th of the image's long side; by default 48
            pixels of the image as it is searched, at a long side of 640 pixels.
    """

    name = "cascade"

    def __init__(self, min_face: int | None = None) -> None:
        self._min_face = min_face
        self._start()

    def _start(self) -> None:
        cascade = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
        self._cascade = cv2.CascadeClassifier(str(cascade))
        self._lock = threading.Lock()  # used by two threads at once, it gives one the other's boxes

    def __getstate__(self) -> dict[str, Any]:
        return {"_min_face": self._min_face}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
        height, width = grey.shape
        scale = min(1.0, SEARCH_SIDE / max(height, width))  # on larger ones it boxes cloth and wallpaper
        size = (max(1, round(scale * width)), max(1, round(scale * height)))
        grey = averaged(grey, size)
        smallest = 48 if self._min_face is None else max(1, round(scale * self._min_face))
        with self._lock:
            found = self._cascade.detectMultiScale(
                cv2.equalizeHist(grey), scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest)
            )
        across, down = width / size[0], height / size[1]
        boxes = [(round(x * across), round(y * down), round(w * across), round(h * down)) for x, y, w, h in found]
        return largest_first([Detection(box) for box in boxes])


def averaged(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image averaged down by area to a width and height.

    By halves first, an odd edge left out: OpenCV takes 9 ms for 12 megapixels that way, and 36 ms in one step.
    """
    height, width = image.shape[:2]
    while width >= 2 * size[0] and height >= 2 * size[1]:
        width, height = width // 2, height // 2
        image = cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return image if (width, height) == size else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def merged(rows: np.ndarray) -> np.ndarray:
    """YuNet's rows of two searches, ``[N, 15]``, each face once: of boxes of one face the surest."""
    kept: list[np.ndarray] = []
    for row in rows[np.argsort(-rows[:, 14], kind="stable")]:
        if not any(_same_face(row, other) for other in kept):
            kept.append(row)
    return np.array(kept, np.float32).reshape(-1, rows.shape[1])


def _same_face(one: np.ndarray, other: np.ndarray) -> bool:
    starts = np.maximum(one[:2], other[:2])
    ends = np.minimum(one[:2] + one[2:4], other[:2] + other[2:4])
    common = float(np.prod(np.maximum(ends - starts, 0)))
    areas = float(one[2] * one[3]), float(other[2] * other[3])
    return common > SAME_FACE * (sum(areas) - common) or common > INSIDE * min(areas)


def _detection(row: np.ndarray) -> Detection:
    left, top, width, height = (round(float(value)) for value in row[:4])
    points = tuple((float(x), float(y)) for x, y in row[4:14].reshape(5, 2))
    return Detection((left, top, max(width, 1), max(height, 1)), min(float(row[14]), 1.0), points)


def largest_first(detections: list[Detection]) -> list[Detection]:
    """Sorted by the area of the box."""
    return sorted(detections, key=lambda found: found.box[2] * found.box[3], reverse=True)
