"""Where the faces are."""

import logging
import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from fer.errors import UserError, did_you_mean
from fer.inference.yunet_file import SETTING, YuNetMissing, yunet_bytes

#: A face's left, top, width and height in pixels.
Box = tuple[int, int, int, int]
#: Pixels from the left and from the top.
Point = tuple[float, float]

#: What ``open_detector`` takes.
DETECTORS = ("auto", "yunet", "cascade")

#: Long side in pixels at which photos are searched first; detectors miss faces in larger ones, and cost more.
SEARCH_SIDE = 640
#: Side in pixels that a face needs in the search to be found reliably.
FOUND_SIDE = 20
#: Pixels of the largest second search, some 2,000 x 1,500: bounds the time of a photo of any size.
MAX_SEARCH = 3_000_000
#: A photo in which no face is larger than this in the first search may hold smaller ones that it misses.
SMALL_SIDE = 40
#: How many times larger the second search must be to find what the first did not.
WORTH_IT = 1.2
#: Pixels of the least side that YuNet is given: on thinner images its numbers overflow.
LEAST_SEARCH = 32
#: YuNet's least score, and the overlap (share of the union) above which two boxes are one face.
LEAST_SCORE, SAME_FACE = 0.7, 0.3
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
        min_face: side in pixels of the smallest face to find; by default whatever the detector finds.

    Raises:
        UserError: for another name, a ``min_face`` below 1, and for ``yunet`` where its file cannot be had.
    """
    if name not in DETECTORS:
        raise UserError(f"no detector is called {name!r}{did_you_mean(name, DETECTORS)}")
    if min_face is not None and min_face < 1:
        raise UserError(f"the smallest face to find has {min_face} pixels; give 1 or more")
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
        _log.warning("%s; the cascade finds the faces meanwhile, and misses more of them", reason)


class YuNetDetector:
    """YuNet (Wu, Peng and Yu 2023), the version of March 2023 in OpenCV Zoo, run by OpenCV.

    A photo is searched at a long side of 640 pixels, and once more at a larger size of at most 3 megapixels where
    ``min_face`` asks for it, or where the first search found no face or small ones only.

    Args:
        min_face: side in pixels of the smallest face to find; by default some 20 of the 640 pixels, and less in photos
            that are searched again.

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
            raise UserError(f"{SETTING}: not a YuNet model ({error.err}); name OpenCV Zoo's file") from error

    def __getstate__(self) -> dict[str, Any]:
        return {"_min_face": self._min_face, "_model": self._model}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _local=threading.local())

    def detect(self, image: np.ndarray) -> list[Detection]:
        """The faces of a uint8 ``[H, W]`` or ``[H, W, 3]`` BGR image, the largest first."""
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        scale = min(1.0, SEARCH_SIDE / max(image.shape[:2]))
        found = self._search(image, scale)
        closer = self._closer(image, scale, found)
        if closer > WORTH_IT * scale:
            found = merged(np.concatenate([found, self._search(image, closer)]))
        faces = [_detection(row) for row in found]
        least = (self._min_face or 0) ** 2  # boxes are taller than wide: what counts is the mean side
        return largest_first([face for face in faces if face.box[2] * face.box[3] >= least])

    def _closer(self, image: np.ndarray, scale: float, found: np.ndarray) -> float:
        """The scale of the second search; ``scale`` where none is needed."""
        largest = (MAX_SEARCH / (image.shape[0] * image.shape[1])) ** 0.5
        if self._min_face is not None:
            wanted = FOUND_SIDE / self._min_face
        else:
            small = len(found) == 0 or found[:, 3].max() * scale < SMALL_SIDE
            wanted = 1.0 if small else scale
        return max(scale, min(wanted, largest, 1.0))

    def _search(self, image: np.ndarray, scale: float) -> np.ndarray:
        """YuNet's rows, float32 ``[N, 15]``: box, five landmarks, score; found at ``scale``, in pixels of ``image``."""
        height, width = image.shape[:2]
        size = (max(1, round(scale * width)), max(1, round(scale * height)))
        if size != (width, height):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        below, right = max(0, LEAST_SEARCH - size[1]), max(0, LEAST_SEARCH - size[0])
        if below or right:
            image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
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
            network = cv2.FaceDetectorYN.create("onnx", self._model, nothing, (64, 64), LEAST_SCORE, SAME_FACE)
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
        if scale < 1:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        smallest = 48 if self._min_face is None else max(1, round(scale * self._min_face))
        with self._lock:
            found = self._cascade.detectMultiScale(
                cv2.equalizeHist(grey), scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest)
            )
        across, down = width / size[0], height / size[1]
        boxes = [(round(x * across), round(y * down), round(w * across), round(h * down)) for x, y, w, h in found]
        return largest_first([Detection(box) for box in boxes])


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
