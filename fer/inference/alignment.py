"""From a detected face to the classifier's input: the framing of the faces that it was trained on."""

import cv2
import numpy as np

from fer.inference.detection import Box, Detection, averaged
from fer.inference.face_size import FACE_SIZE
from fer.inference.resize import to_face

#: Side of the square around a face, in mean sides (the root of width times height) of the detector's box. Measured:
#: FER-2013's frame around what YuNet boxes in it; ``benchmarks/alignment.py``.
FRAME = 1.1
#: Degrees of roll up to which a face stays as it is, for FER-2013's are not level either; twice as many are turned back
#: in full. In between the correction grows evenly, so that a video's faces do not jump.
LEVEL = 5.0
#: Pixels of the largest square, in those of the classifier's faces.
MOST_SIDES = 4
#: The same for faces of the usual size.
MOST_SIDE = MOST_SIDES * FACE_SIZE


def aligned_face(image: np.ndarray, detection: Detection, size: int = FACE_SIZE) -> np.ndarray:
    """The face under a detection as the classifier takes it.

    A detection with landmarks gives a square around its box, turned level by the eyes. One without, a cascade's or a
    caller's own, is framed already: it gives its box, widened to a square. Beyond the image's edge its border is
    repeated.

    Args:
        image: uint8 ``[H, W]`` or ``[H, W, 3]`` BGR.
        detection: must overlap the image.
        size: S, of the classifier's faces in pixels.

    Returns:
        uint8 ``[S, S]``.

    Raises:
        ValueError: when nothing of the box lies inside the image.
    """
    left, top, width, height = detection.box
    overlapping(image, detection.box)
    if detection.roll is None:
        side = float(max(width, height))
        turn = 0.0
    else:
        side = FRAME * float(np.sqrt(width * height))
        turn = correction(detection.roll)
    centre = left + width / 2, top + height / 2
    return to_face(square(image, centre, side, turn, MOST_SIDES * size), size)


def correction(roll: float) -> float:
    """Degrees to turn back of a face's roll: none up to ``LEVEL``, all from twice that on."""
    return float(np.copysign(min(abs(roll), max(0.0, 2 * (abs(roll) - LEVEL))), roll))


def square(
    image: np.ndarray, centre: tuple[float, float], side: float, roll: float = 0.0, most: int = MOST_SIDE
) -> np.ndarray:
    """A square part of ``image``, turned level.

    Args:
        image: uint8 ``[H, W]`` or ``[H, W, C]``.
        centre: in pixels from the left and from the top edge.
        side: in pixels.
        roll: degrees by which what is in it is turned clockwise.
        most: pixels of the largest square that is given.

    Returns:
        uint8 ``[S, S]`` or ``[S, S, C]``, S the rounded side, at most ``most``: larger parts are averaged down by
        area first. Beyond the image's edge its border is repeated.
    """
    reach = 0.75 * side + 2  # the square's corners, however it is turned
    edge = np.array(image.shape[1::-1])
    start = np.clip(np.floor(np.subtract(centre, reach)), 0, edge - 1).astype(int)
    end = np.clip(np.ceil(np.add(centre, reach)), start + 1, edge).astype(int)
    shrink = max(1.0, side / most)
    if shrink > 1:  # so many pixels that halving them leaves no edge out
        whole = 2 ** int(np.log2(2 * shrink))
        end -= np.where(end - start >= whole, (end - start) % whole, 0)
    part = image[start[1] : end[1], start[0] : end[0]]
    size = np.array(part.shape[1::-1])
    if shrink > 1:
        width, height = (max(1, round(pixels / shrink)) for pixels in size)
        part = averaged(part, (width, height))
    pixels = max(1, round(side / shrink))
    angle = np.radians(roll)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * (pixels / side)
    # From pixels of the part, whose centres lie half a pixel from their edges, to pixels of the square.
    steps = size / part.shape[1::-1]
    shift = turn @ (steps / 2 + start - centre) + pixels / 2 - 0.5
    matrix = np.column_stack([turn * steps, shift])
    return cv2.warpAffine(part, matrix, (pixels, pixels), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def overlapping(image: np.ndarray, box: Box) -> None:
    """Refuse a box that lies outside the image.

    Raises:
        ValueError: when nothing of the box lies inside the image.
    """
    left, top, width, height = box
    rows, columns = image.shape[:2]
    if width < 1 or height < 1 or left >= columns or top >= rows or left + width <= 0 or top + height <= 0:
        raise ValueError(f"box {box} lies outside an image of {columns}x{rows} pixels")
