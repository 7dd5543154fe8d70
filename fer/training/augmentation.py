"""Random changes to training faces, on uint8 batches in memory."""

import cv2
import numpy as np

from fer.params import Augmentation


def augment(faces: np.ndarray, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Flip, shift, rotate, scale and relight every face at random.

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
    return out
