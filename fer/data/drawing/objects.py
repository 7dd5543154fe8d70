"""What is no face."""

import cv2
import numpy as np

from fer.inference.face_size import FACE_SIZE


def draw_object(rng: np.random.Generator, size: int) -> np.ndarray:
    """uint8 ``[size, size]``: a house, a printed page, stripes or a cloudy texture."""
    side = FACE_SIZE * 4
    ground, ink = (float(tone) for tone in rng.permutation([rng.uniform(130, 235), rng.uniform(15, 90)]))
    picture = np.full((side, side), ground, np.float32)
    kind = rng.integers(4)
    if kind == 0:
        cv2.rectangle(picture, (40, 90), (152, 180), ink, -1)
        cv2.fillPoly(picture, [np.array([[25, 92], [96, 25], [167, 92]])], ink * 0.7)
        for x in (56, 112):
            cv2.rectangle(picture, (x, 110), (x + 24, 134), ground, -1)
        cv2.rectangle(picture, (86, 140), (108, 180), ground * 0.6, -1)
    elif kind == 1:
        for y in range(20, side - 12, 20):
            cv2.line(picture, (14, y), (int(rng.integers(90, 178)), y), ink, 7)
    elif kind == 2:
        angle = rng.uniform(0, np.pi)
        down, across = np.mgrid[:side, :side]
        wave = np.sin((across * np.cos(angle) + down * np.sin(angle)) * rng.uniform(0.1, 0.35))
        picture[wave > 0] = ink
    else:
        cloud = rng.normal((ground + ink) / 2, 60, (6, 6)).astype(np.float32)
        cv2.resize(cloud, (side, side), dst=picture, interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if size <= side else cv2.INTER_LINEAR)
    return np.clip(np.round(small + rng.normal(0, 4, small.shape)), 0, 255).astype(np.uint8)
