"""What every image measures, as one table: light, detail, symmetry, hashes, and where asked for the face in it."""

import math

import cv2
import numpy as np
import pandas as pd

from fer.audit.progress import Steps, silent
from fer.data.statistics import face_likeness
from fer.inference.detection import Detection, Detector
from fer.inference.face_check import sharpness

#: Side of the picture that a face of 48 pixels is put into before it is looked for: detectors want some ground.
SEARCHED, MARGIN = 192, 32

_CHUNK = 2048
#: Columns of :func:`found_faces`.
FACE_COLUMNS = ("face_found", "face_score", "face_size", "face_roll", "face_yaw")


def image_properties(images: np.ndarray, steps: Steps = silent) -> pd.DataFrame:
    """One row per image, by position.

    Args:
        images: uint8 ``[N, 48, 48]``.
        steps: told how many images of how many are done.

    Returns:
        - ``brightness``, ``contrast``: mean and standard deviation of the grey values, 0 to 255.
        - ``sharpness``: see ``fer.inference.face_check.sharpness``.
        - ``entropy``: bits of the histogram of grey values, 0 to 8.
        - ``clipped``: share of pixels that are black or white, 0 to 1: what a grey image has of saturation.
        - ``side_light``: mean of the left half less the right half, in grey values.
        - ``symmetry``: correlation with its mirror image, -1 to 1; 0 for a constant image.
        - ``phash``: the perceptual hash, 16 hexadecimal digits.
        - ``face_likeness``: see ``fer.data.statistics.face_likeness``.
    """
    parts = []
    for start in range(0, len(images), _CHUNK):
        parts.append(_measured(np.ascontiguousarray(images[start : start + _CHUNK])))
        steps(min(start + _CHUNK, len(images)), len(images))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(face_likeness=face_likeness(images))


def _measured(images: np.ndarray) -> pd.DataFrame:
    count, _, width = images.shape
    values = images.astype(np.float32)
    flat = values.reshape(count, -1)
    centred = values - flat.mean(axis=1)[:, None, None]
    power = np.einsum("nij,nij->n", centred, centred)
    mirrored = np.einsum("nij,nij->n", centred, centred[:, :, ::-1])
    left, right = values[:, :, : width // 2], values[:, :, (width + 1) // 2 :]
    return pd.DataFrame(
        {
            "brightness": flat.mean(axis=1, dtype=np.float64),
            "contrast": flat.std(axis=1, dtype=np.float64),
            "sharpness": sharpness(images).astype(np.float64),
            "entropy": entropy(images),
            "clipped": ((images == 0) | (images == 255)).mean(axis=(1, 2)),
            "side_light": (left.mean(axis=(1, 2)) - right.mean(axis=(1, 2))).astype(np.float64),
            "symmetry": np.clip(mirrored / np.maximum(power, 1), -1, 1).astype(np.float64),
            "phash": perceptual_hashes(images),
        }
    )


def entropy(images: np.ndarray) -> np.ndarray:
    """Shannon's entropy of every image's histogram in bits: float64 ``[N]``; ``images`` is uint8 ``[N, H, W]``."""
    count, pixels = len(images), images[0].size
    places = images.reshape(count, pixels).astype(np.int64) + 256 * np.arange(count)[:, None]
    shares = np.bincount(places.ravel(), minlength=256 * count).reshape(count, 256) / pixels
    return -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=1) + 0.0


def perceptual_hashes(images: np.ndarray) -> list[str]:
    """The DCT hash (Zauner 2010): which of the 64 lowest frequencies lie above their median, as hexadecimal.

    Args:
        images: uint8 ``[N, H, W]``.
    """
    rows, columns = (_cosines(side) for side in images.shape[1:])
    lowest = (rows @ images.astype(np.float32) @ columns.T).reshape(len(images), 64)
    bits = lowest > np.median(lowest, axis=1, keepdims=True)
    return [packed.tobytes().hex() for packed in np.packbits(bits, axis=1)]


def _cosines(side: int) -> np.ndarray:
    """float32 ``[8, side]``: the eight lowest frequencies of the discrete cosine transform."""
    places = (np.arange(side) + 0.5) * math.pi / side
    return np.cos(np.arange(8)[:, None] * places).astype(np.float32)


def found_faces(images: np.ndarray, detector: Detector, steps: Steps = silent) -> pd.DataFrame:
    """What a detector says of every image; it takes some 5 ms an image.

    Args:
        images: uint8 ``[N, 48, 48]``, each the crop of one face: it is enlarged and put on a ground of its own border.
        detector: of ``fer.inference.detection``.
        steps: told how many images of how many are done.

    Returns:
        One row per image, by position: ``face_found`` (bool), and NaN where none is or the detector does not say:
        ``face_score`` (0 to 1), ``face_size`` (mean side of the box, as a share of the image's), ``face_roll`` (degrees
        clockwise from level) and ``face_yaw`` (where the nose's tip lies between the eyes: 0 in the middle, 1 at the
        left eye of the person, -1 at the right one).
    """
    rows = []
    for number, image in enumerate(images, start=1):
        large = cv2.resize(image, (SEARCHED, SEARCHED), interpolation=cv2.INTER_CUBIC)
        framed = cv2.copyMakeBorder(large, *4 * (MARGIN,), cv2.BORDER_REPLICATE)
        faces = detector.detect(framed)
        rows.append(_face_row(faces[0]) if faces else (False, *4 * (math.nan,)))
        if number % 256 == 0 or number == len(images):
            steps(number, len(images))
    return pd.DataFrame(rows, columns=list(FACE_COLUMNS)).astype({"face_found": bool})


def _face_row(face: Detection) -> tuple[bool, float, float, float, float]:
    size = math.sqrt(face.box[2] * face.box[3]) / SEARCHED
    score = math.nan if face.score is None else face.score
    if face.landmarks is None or face.roll is None:
        return True, score, size, math.nan, math.nan
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y) = face.landmarks[:3]
    across, down = left_x - right_x, left_y - right_y
    length = max(across**2 + down**2, 1.0)
    place = ((nose_x - right_x) * across + (nose_y - right_y) * down) / length
    return True, score, size, face.roll, 2 * place - 1
