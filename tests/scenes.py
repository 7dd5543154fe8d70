"""Pictures with faces in known places: drawn ones, pasted on a plain or a textured ground."""

import functools

import cv2
import numpy as np
from drawn_faces import drawn_sample

from fer.inference.detection import Box


@functools.cache
def drawn_faces() -> np.ndarray:
    """Drawn faces uint8 ``[70, 48, 48]``."""
    return drawn_sample(70, 3)[0]


def scene(places: dict[int, Box], size: tuple[int, int] = (480, 640), seed: int = 0) -> np.ndarray:
    """uint8 ``[H, W, 3]``: soft noise with drawn faces, by number, in boxes."""
    height, width = size
    coarse = np.random.default_rng(seed).integers(90, 150, (height // 16 + 1, width // 16 + 1, 3), np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for number, (left, top, across, down) in places.items():
        way = cv2.INTER_AREA if across < 48 else cv2.INTER_CUBIC
        face = cv2.resize(drawn_faces()[number], (across, down), interpolation=way)
        image[top : top + down, left : left + across] = face[..., None]
    return image
