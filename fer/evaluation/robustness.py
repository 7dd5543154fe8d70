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
    rows = dataset.rows("validation")
    return rows[np.linspace(0, len(rows) - 1, min(FACES, len(rows))).astype(int)] if len(rows) else rows


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


def _blur(sigma: float) -> Change:
    return _each(lambda face: cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def _noise(deviation: float) -> Change:
    def change(faces: np.ndarray) -> np.ndarray:
        drawn = np.random.default_rng(SEED).normal(0, deviation, faces.shape)
        return np.clip(np.rint(faces + drawn), 0, 255).astype(np.uint8)

    return change


def _light(gain: float) -> Change:
    return lambda faces: np.clip(np.rint(faces * gain), 0, 255).astype(np.uint8)


def _turn(degrees: float) -> Change:
    def change(face: np.ndarray) -> np.ndarray:
        side = len(face)
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, 1)
        return cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)

    return _each(change)


def _jpeg(quality: int) -> Change:
    def change(face: np.ndarray) -> np.ndarray:
        _, coded = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))

    return _each(change)


def _small(side: int) -> Change:
    def change(face: np.ndarray) -> np.ndarray:
        small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (len(face), len(face)), interpolation=cv2.INTER_LINEAR)

    return _each(change)


#: Each at two strengths: what a camera of today does, and what a bad one does.
CHANGES: dict[str, Change] = {
    "blur of 1 pixel": _blur(1),
    "blur of 2 pixels": _blur(2),
    "noise of 10 grey values": _noise(10),
    "noise of 25 grey values": _noise(25),
    "half the light": _light(0.5),
    "one and a half of the light": _light(1.5),
    "turned by 10 degrees": _turn(10),
    "turned by 20 degrees": _turn(-20),
    "JPEG of quality 30": _jpeg(30),
    "JPEG of quality 10": _jpeg(10),
    "a face of 24 pixels": _small(24),
    "a face of 16 pixels": _small(16),
}
