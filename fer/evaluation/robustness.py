"""How a model holds when faces are blurred, noisy, dark, turned or small (after Hendrycks and Dietterich 2019)."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fer.data.dataset import FaceDataset
from fer.inference.runtime import onnx_predict

#: Validation faces that are changed: enough for an accuracy within 7 points (95 %), few enough for seconds a model.
FACES = 200
UNCHANGED = "unchanged"
SEED = 0

Change = Callable[[np.ndarray], np.ndarray]


def robustness_rows(dataset: FaceDataset) -> np.ndarray:
    """int64 row numbers of at most ``FACES`` validation faces, spread evenly, the same for every model."""
    return dataset.some_rows("validation", FACES)


def correct_by_change(model: Path, faces: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Whether a model reads every face rightly, unchanged and under each of ``CHANGES``.

    Args:
        model: an ONNX file.
        faces: uint8 ``[N, S, S]``, of the size that it takes.
        labels: int ``[N]``, codes.

    Returns:
        By change, ``unchanged`` first: bool ``[N]``.
    """
    variants = {UNCHANGED: faces} | {name: change(faces) for name, change in CHANGES.items()}
    predicted = onnx_predict(model, np.concatenate(list(variants.values()))).argmax(axis=1)
    return dict(zip(variants, predicted.reshape(len(variants), len(faces)) == labels, strict=True))


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda faces: np.stack([change(face) for face in faces]) if len(faces) else faces


def blur(sigma: float) -> Change:
    """Gaussian blur of a standard deviation in pixels."""
    return _each(lambda face: cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def noise(deviation: float) -> Change:
    """Gaussian noise of a standard deviation in grey values, the same for the same faces."""

    def change(faces: np.ndarray) -> np.ndarray:
        drawn = np.random.default_rng(SEED).normal(0, deviation, faces.shape)
        return np.clip(np.rint(faces + drawn), 0, 255).astype(np.uint8)

    return change


def light(gain: float) -> Change:
    """Every grey value times the gain."""
    return lambda faces: np.clip(np.rint(faces.astype(np.float64) * gain), 0, 255).astype(np.uint8)


def turn(degrees: float) -> Change:
    """Turned in the image's plane, counterclockwise, the border repeated."""

    def change(face: np.ndarray) -> np.ndarray:
        side = len(face)
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, 1)
        return cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)

    return _each(change)


def jpeg(quality: int) -> Change:
    """Through a JPEG of a quality from 1 to 100."""

    def change(face: np.ndarray) -> np.ndarray:
        _, coded = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))

    return _each(change)


def small(side: int) -> Change:
    """Made as small as a side in pixels, and enlarged again."""

    def change(face: np.ndarray) -> np.ndarray:
        reduced = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(reduced, (len(face), len(face)), interpolation=cv2.INTER_LINEAR)

    return _each(change)


#: Each at two strengths: what a camera of today does, and what a bad one does.
CHANGES: dict[str, Change] = {
    "blur of 1 pixel": blur(1),
    "blur of 2 pixels": blur(2),
    "noise of 10 grey values": noise(10),
    "noise of 25 grey values": noise(25),
    "half the light": light(0.5),
    "one and a half of the light": light(1.5),
    "turned by 10 degrees": turn(10),
    "turned by 20 degrees": turn(-20),
    "JPEG of quality 30": jpeg(30),
    "JPEG of quality 10": jpeg(10),
    "a face of 24 pixels": small(24),
    "a face of 16 pixels": small(16),
}
