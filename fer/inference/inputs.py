"""What callers have, checked: pixels of any kind and boxes of their own."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer.errors import UserError
from fer.inference.detection import Box
from fer.inference.image import decode_image

_ACCEPTED = "give a path, the bytes of an image file, a uint8 array (BGR, as OpenCV reads it) or a PIL image"


def to_pixels(image: Any) -> np.ndarray:
    """The upright pixels of anything that holds one image.

    Args:
        image: a file's path (str or Path), a file's bytes, a PIL image, or uint8 pixels ``[H, W]``, ``[H, W, 1]``,
            ``[H, W, 3]`` BGR or ``[H, W, 4]`` BGRA.

    Returns:
        uint8 ``[H, W]`` or ``[H, W, 3]`` BGR.

    Raises:
        UserError: in one line, for anything else and for a file that cannot be read; a file is named.
    """
    if isinstance(image, str | Path):
        return _of_file(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return decode_image(bytes(image))
    if isinstance(image, np.ndarray):
        return _of_array(image)
    if type(image).__module__.partition(".")[0] == "PIL":
        return _of_pil(image)
    what = "a list" if isinstance(image, list | tuple) else "None" if image is None else f"a {type(image).__name__}"
    one_by_one = "; one image at a time" if isinstance(image, list | tuple) else ""
    raise UserError(f"{what} is no image{one_by_one}; {_ACCEPTED}")


def read_file(path: str | Path) -> bytes:
    """The content of a file.

    Raises:
        UserError: when it cannot be read; the file is named.
    """
    try:
        return Path(path).read_bytes()
    except IsADirectoryError as error:
        raise UserError(f"{path}: is a folder; give a file in it, or on the command line: fer photo {path}") from error
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{str(path)!r}: cannot be read ({reason}); check the path and its permissions") from error


def _of_file(path: str | Path) -> np.ndarray:
    data = read_file(path)
    try:
        return decode_image(data)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _of_array(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8:
        raise UserError(f"an array of {image.dtype} is no image; give uint8, 0 black to 255 white")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)) or image.size == 0:
        raise UserError(f"an array of shape {image.shape} is no image; give [H, W], [H, W, 3] BGR or [H, W, 4] BGRA")
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[:, :, 0] if image.shape[2] == 1 else image[:, :, :3]
    return np.ascontiguousarray(image)


def _of_pil(image: Any) -> np.ndarray:
    """A PIL image, turned upright by its EXIF tag as a file would be."""
    from PIL import Image, ImageOps  # there, as the caller's image is one of its own

    if not isinstance(image, Image.Image):
        raise UserError(f"{type(image).__name__} of PIL is no image; {_ACCEPTED}")
    if image.mode.startswith(("I", "F")):
        raise UserError(f"a PIL image of mode {image.mode} has no 8 bits a channel; scale and convert it to L or RGB")
    try:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except OSError as error:
        raise UserError(f"the PIL image cannot be decoded ({error}); check its file") from error
    return _of_array(cv2.cvtColor(np.asarray(upright), cv2.COLOR_RGB2BGR))


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
