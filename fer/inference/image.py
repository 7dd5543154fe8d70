"""From an uploaded or stored file to the 48x48 grey face that every classifier takes."""

import struct

import cv2
import numpy as np

from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE

#: Larger images are refused before a pixel is decoded: a file of a few kilobytes can claim gigapixels.
MAX_PIXELS = 25_000_000

_PNG = b"\x89PNG\r\n\x1a\n"
#: JPEG's start-of-frame markers; C4, C8 and CC in their range are tables and an extension (ITU T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def decode_image(data: bytes) -> np.ndarray:
    """Decode a PNG, JPEG, WebP or BMP file.

    Args:
        data: the whole file.

    Returns:
        uint8 ``[H, W, 3]`` in BGR order, turned upright by its EXIF tag; grey files have three equal channels.

    Raises:
        UserError: for an empty or truncated file, another format, or more than ``MAX_PIXELS``.
    """
    if not data:
        raise UserError("the image is empty; send the bytes of a PNG, JPEG, WebP or BMP file")
    try:
        width, height = _stated_size(data)
    except (struct.error, IndexError) as error:
        raise UserError("the image's header is cut short; send the whole file") from error
    if width * height > MAX_PIXELS:
        limit = f"{MAX_PIXELS / 1e6:g} megapixels"
        raise UserError(f"the image has {width}x{height} pixels, more than {limit}; send a smaller one")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UserError("the image cannot be decoded; the file is damaged") from error
    if image is None:
        raise UserError("the image cannot be decoded; the file is damaged")
    return image


def to_face(image: np.ndarray) -> np.ndarray:
    """Turn a whole image into a classifier's input: grey, and 48x48 whatever its proportions.

    Sides over 48 are averaged down by area, shorter ones interpolated up by cubics.

    Args:
        image: uint8 ``[H, W]`` grey, ``[H, W, 3]`` BGR or ``[H, W, 4]`` BGRA.

    Returns:
        uint8 ``[48, 48]``.

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
    shrunk = (min(width, FACE_SIZE), min(height, FACE_SIZE))
    if shrunk != (width, height):
        image = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA)
    if shrunk != (FACE_SIZE, FACE_SIZE):
        image = cv2.resize(image, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_CUBIC)
    return image


def _stated_size(data: bytes) -> tuple[int, int]:
    """Width and height as the file's header states them; a file without its end raises UserError."""
    if data.startswith(_PNG):
        width, height = struct.unpack_from(">II", data, 16)
        return _whole(data.rfind(b"IEND") > 0, width, height)
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_size(data)
    if data.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", data, 18)
        return abs(width), abs(height)
    raise UserError("the file is not a PNG, JPEG, WebP or BMP image; send one of these")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise UserError("the image cannot be decoded; the file is damaged")
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return _whole(data.rfind(b"\xff\xd9") > at, width, height)
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _webp_size(data: bytes) -> tuple[int, int]:
    (riff,) = struct.unpack_from("<I", data, 4)
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    return _whole(len(data) >= riff + 8, width, height)


def _whole(complete: bool, width: int, height: int) -> tuple[int, int]:
    if not complete:
        raise UserError("the image is cut short; send the whole file")
    return width, height
