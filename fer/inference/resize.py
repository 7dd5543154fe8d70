"""Any image as the square grey face that a classifier takes. A module of its own: ingest depends on it alone."""

import cv2
import numpy as np

from fer.inference.face_size import FACE_SIZE


def to_face(image: np.ndarray, size: int = FACE_SIZE) -> np.ndarray:
    """Turn a whole image into a classifier's input: grey, and square whatever its proportions.

    Longer sides are averaged down by area, shorter ones interpolated up by cubics.

    Args:
        image: uint8 ``[H, W]`` grey, ``[H, W, 3]`` BGR or ``[H, W, 4]`` BGRA.
        size: S, of the classifier's faces in pixels.

    Returns:
        uint8 ``[S, S]``.

    Raises:
        ValueError: for another shape or dtype, or no pixels.
    """
    if image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"an image must be uint8 with pixels, got {image.dtype} {image.shape}")
    if image.ndim == 3 and image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    elif image.ndim == 3 and image.shape[2] == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2GRAY)
    elif image.ndim != 2:
        raise ValueError(f"an image must be [H, W], [H, W, 3] or [H, W, 4], got {image.shape}")
    height, width = image.shape
    shrunk = (min(width, size), min(height, size))
    if shrunk != (width, height):
        image = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA)
    if shrunk != (size, size):
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)
    return image
