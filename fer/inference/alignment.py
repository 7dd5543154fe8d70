"""From a detected face to the classifier's input: the framing of the faces that it was trained on."""

import numpy as np

from fer.inference.detection import Box, Detection
from fer.inference.resize import to_face


def aligned_face(image: np.ndarray, detection: Detection) -> np.ndarray:
    """The face under a detection as the classifier takes it.

    Args:
        image: uint8 ``[H, W]`` or ``[H, W, 3]`` BGR.
        detection: must overlap the image.

    Returns:
        uint8 ``[48, 48]``.

    Raises:
        ValueError: when nothing of the box lies inside the image.
    """
    return to_face(crop(image, detection.box))


def crop(image: np.ndarray, box: Box, margin: float = 0.0) -> np.ndarray:
    """The part of ``image`` under ``box``, widened by ``margin`` (a share of each side) and cut at the image's edge.

    Args:
        image: ``[H, W]`` or ``[H, W, C]``.
        box: must overlap the image.
        margin: 0 keeps the box, 0.1 adds a tenth of its width left and right, and of its height above and below.

    Raises:
        ValueError: when nothing of the box lies inside the image.
    """
    x, y, width, height = box
    left, right = round(x - margin * width), round(x + width + margin * width)
    top, bottom = round(y - margin * height), round(y + height + margin * height)
    part = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if part.size == 0:
        raise ValueError(f"box {box} lies outside an image of {image.shape[1]}x{image.shape[0]} pixels")
    return part
