"""Whether a classifier's input looks like a face: the classifier, which knows only faces, cannot say.

Histograms of oriented gradients (Dalal and Triggs 2005) hold the layout of eyes, nose and mouth and nothing of the
light; three numbers on contrast and sharpness tell noise from a face. A network of one hidden layer scores them.
"""

import base64
import binascii
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np

from fer.inference.face_size import FACE_SIZE
from fer.inference.resize import to_face

#: Side of a HOG cell, in pixels; a block has 2x2 cells and moves by one, a cell has 9 orientations.
CELL, ORIENTATIONS = FACE_SIZE // 4, 9
#: Features of a face: 3x3 blocks of 2x2 cells, and three numbers.
FEATURES = 3 * 3 * 4 * ORIENTATIONS + 3
#: Grey values added to a contrast that is divided by: a blank image has none.
SOFT = 4.0


def sharpness(faces: np.ndarray) -> np.ndarray:
    """Standard deviation of the Laplacian over that of the grey values, so that light and contrast count for nothing.

    Args:
        faces: uint8 ``[N, S, S]``; seen at 48 pixels.

    Returns:
        float32 ``[N]``: about 0.2 for a face enlarged from 16 pixels, 0.8 for a sharp one, 4 for white noise.
    """
    contrast, detail = _contrasts(resized(faces)).T
    return detail / (contrast + 1)


def features(faces: np.ndarray) -> np.ndarray:
    """What the check sees of uint8 ``[N, S, S]``: float32 ``[N, FEATURES]``."""
    faces = resized(faces)
    histograms = [np.ravel(_descriptor().compute(np.ascontiguousarray(face))) for face in faces]
    contrast, detail = _contrasts(faces).T
    numbers = np.stack([np.log1p(contrast), np.log1p(detail), detail / (contrast + SOFT)], axis=1)
    return np.concatenate([np.reshape(histograms, (len(faces), FEATURES - 3)), numbers], axis=1, dtype=np.float32)


@dataclass(frozen=True)
class FaceCheck:
    """A fitted check, as a model's card carries it.

    Attributes:
        bound: the score below which an image is not like a face.
        weights: of the hidden layer (``FEATURES`` and a bias by unit) and the output (unit by unit, and a bias), in
            this order: little-endian float16 in base64.

    Raises:
        ValueError, TypeError: where they are not.
    """

    bound: float
    weights: str

    def __post_init__(self) -> None:
        try:
            values = np.frombuffer(base64.b64decode(self.weights, validate=True), "<f2")
        except binascii.Error as error:
            raise ValueError(f"face_check: the weights are not base64 ({error})") from error
        if not isinstance(self.bound, float) or len(values) % (FEATURES + 2) != 1 or not np.isfinite(values).all():
            raise ValueError(f"face_check: needs a bound and whole units of {FEATURES + 2} finite weights")

    @classmethod
    def of(cls, hidden: np.ndarray, output: np.ndarray, bound: float = 0.0) -> "FaceCheck":
        """A check of the layers' weights: float ``[FEATURES + 1, H]`` and ``[H + 1]``, the biases last."""
        values = np.concatenate([hidden.ravel(), output.ravel()]).astype("<f2")
        return cls(float(bound), base64.b64encode(values.tobytes()).decode())

    @cached_property
    def _layers(self) -> tuple[np.ndarray, np.ndarray]:
        values = np.frombuffer(base64.b64decode(self.weights), "<f2").astype(np.float32)
        units = len(values) // (FEATURES + 2)
        split = units * (FEATURES + 1)
        return values[:split].reshape(FEATURES + 1, units), values[split:]

    def scores(self, faces: np.ndarray) -> np.ndarray:
        """How much each of uint8 ``[N, S, S]`` looks like a face: float32 ``[N]``, the log-odds of the fit."""
        hidden, output = self._layers
        units = np.maximum(features(faces) @ hidden[:-1] + hidden[-1], 0)
        return units @ output[:-1] + output[-1]

    def is_face(self, faces: np.ndarray) -> np.ndarray:
        """Whether each of uint8 ``[N, S, S]`` looks like a face: bool ``[N]``."""
        return self.scores(faces) >= self.bound


def resized(faces: np.ndarray) -> np.ndarray:
    """Faces at the size that the check knows."""
    if faces.shape[1:] == (FACE_SIZE, FACE_SIZE):
        return faces
    return np.reshape([to_face(face) for face in faces], (len(faces), FACE_SIZE, FACE_SIZE))


@cache
def _descriptor() -> cv2.HOGDescriptor:
    side, block, cell = (FACE_SIZE,) * 2, (2 * CELL,) * 2, (CELL,) * 2
    return cv2.HOGDescriptor(side, block, cell, cell, ORIENTATIONS)


def _contrasts(faces: np.ndarray) -> np.ndarray:
    """Standard deviations of the grey values and of their Laplacian inside the border: float32 ``[N, 2]``."""
    deviations = np.empty((len(faces), 2), np.float32)
    for row, face in zip(deviations, faces, strict=True):
        laplacian = cv2.Laplacian(face, cv2.CV_16S)[1:-1, 1:-1]
        row[:] = cv2.meanStdDev(face)[1].item(), cv2.meanStdDev(laplacian)[1].item()
    return deviations
