"""Boxes of the caller's own, checked against their image."""

import math
from collections.abc import Iterable
from typing import Any

from fer.errors import UserError
from fer.inference.detection import Box


def given_boxes(boxes: Any, width: int, height: int) -> list[Box]:
    """A caller's own boxes, each checked against its image.

    Args:
        boxes: left, top, width and height of every face in pixels, as rows of an array or any sequence of four
            numbers; fractions are rounded. A box may reach over the edge.
        width: of the image, in pixels.
        height: of the image, in pixels.

    Raises:
        UserError: in one line, for the first box that is none or that lies outside the image.
    """
    if isinstance(boxes, str | bytes | dict) or not isinstance(boxes, Iterable):
        raise UserError(f"boxes: {boxes!r}: not a list of boxes; give [(left, top, width, height), ...]")
    return [_box(number, box, width, height) for number, box in enumerate(boxes)]


def _box(number: int, box: Any, width: int, height: int) -> Box:
    try:
        left, top, wide, high = (float(value) for value in box)
    except (TypeError, ValueError) as error:
        shown = " ".join(str(box).split())
        raise UserError(f"boxes[{number}]: {shown} is not (left, top, width, height) in pixels") from error
    if not all(math.isfinite(value) and abs(value) < 2**31 for value in (left, top, wide, high)):
        raise UserError(f"boxes[{number}]: ({left:g}, {top:g}, {wide:g}, {high:g}) is not four numbers of pixels")
    # Edges are rounded, not sides, so that neighbours stay neighbours.
    x, y = round(left), round(top)
    found = (x, y, round(left + wide) - x, round(top + high) - y)
    if found[2] < 1 or found[3] < 1:
        raise UserError(f"boxes[{number}]: {found} has no pixels; give width and height, not the right and bottom edge")
    if x >= width or y >= height or x + found[2] <= 0 or y + found[3] <= 0:
        raise UserError(f"boxes[{number}]: {found} lies outside the image of {width}x{height} pixels")
    return found
