"""Random changes to training faces, on uint8 batches in memory."""

import cv2
import numpy as np

from fer.recipe import Augmentation

#: An erased rectangle's share of the image and its height by width (Zhong et al. 2020, with a smaller largest area).
ERASED_AREA, ERASED_ASPECT = (0.02, 0.2), (0.3, 3.3)


def augment(faces: np.ndarray, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Flip, shift, rotate, scale, relight and erase a part of every face at random.

    Args:
        faces: uint8 ``[N, H, W]``.
        settings: the ranges; all zero gives the faces back unchanged.
        rng: the only source of randomness.

    Returns:
        uint8 ``[N, H, W]``, a new array. Pixels from outside the image repeat its border.
    """
    count, height, width = faces.shape
    flips = rng.random((count,)) < settings.flip
    shifts, angles, scales, gains, offsets = (
        limit * rng.uniform(-1, 1, shape)
        for limit, shape in (
            (settings.shift, (count, 2)),
            (settings.rotate, (count,)),
            (settings.scale, (count,)),
            (settings.contrast, (count,)),
            (255 * settings.brightness, (count,)),
        )
    )
    centre = ((width - 1) / 2, (height - 1) / 2)
    moves = settings.shift or settings.rotate or settings.scale
    out = np.empty_like(faces)
    for i in range(count):
        face = faces[i, :, ::-1] if flips[i] else faces[i]
        if moves:
            matrix = cv2.getRotationMatrix2D(centre, angles[i], 1 + scales[i])
            matrix[:, 2] += shifts[i] * (width, height)
            face = cv2.warpAffine(np.ascontiguousarray(face), matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        out[i] = face
    if settings.brightness or settings.contrast:
        means = out.mean(axis=(1, 2))
        relit = (out - means[:, None, None]) * (1 + gains)[:, None, None] + (means + offsets)[:, None, None]
        out = np.clip(np.rint(relit), 0, 255).astype(np.uint8)
    _erase(out, settings.erase, rng)
    return out


def _erase(faces: np.ndarray, probability: float, rng: np.random.Generator) -> None:
    """Fill a rectangle of some of the faces with their mean grey, in place."""
    if not probability:
        return
    height, width = faces.shape[1:]
    for face in (faces[i] for i in np.flatnonzero(rng.random(len(faces)) < probability)):
        area = height * width * rng.uniform(*ERASED_AREA)
        aspect = np.exp(rng.uniform(*np.log(ERASED_ASPECT)))
        rows, columns = (
            min(limit, max(1, round(side)))
            for side, limit in ((np.sqrt(area * aspect), height), (np.sqrt(area / aspect), width))
        )
        top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
        face[top : top + rows, left : left + columns] = round(face.mean())
