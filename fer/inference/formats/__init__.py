"""The image formats that are read: what a file's header says, read where its decoder reads it."""

import struct
from collections.abc import Callable

from fer.errors import UserError
from fer.inference.container import HEAD, is_video
from fer.inference.formats import avif, bmp, gif, heic, jpeg, png, tiff, webp
from fer.inference.formats.still import CUT_SHORT, Still

#: Endings of the files that are read; HEIC's need a library, and a file's error says so where it is absent.
SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", *heic.SUFFIXES)
NAMES = "PNG, JPEG, WebP, BMP, TIFF, GIF or AVIF"

#: How each format's files are known, the first that fits, and who reads them.
_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Still]], ...] = (
    (lambda data: data.startswith(png.START), png.read),
    (lambda data: data.startswith(b"\xff\xd8"), jpeg.read),
    (lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP", webp.read),
    (lambda data: data.startswith((b"GIF87a", b"GIF89a")), gif.read),
    (lambda data: data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")), tiff.read),
    (heic.is_heic, heic.read),
    (lambda data: data[4:8] == b"ftyp" and b"avi" in data[8:40], avif.read),
    (lambda data: data.startswith(b"BM"), bmp.read),
)


def is_image(data: bytes) -> bool:
    """Whether the bytes of a file begin as those of an image that is read."""
    return any(known(data) for known, _ in _FORMATS)


def read_still(data: bytes) -> Still:
    """The first picture of an image file.

    Raises:
        UserError: for an empty, cut or damaged file, or another format.
    """
    if not data:
        raise UserError(f"the image is empty; give a {NAMES} file")
    for known, read in _FORMATS:
        if known(data):
            try:
                return read(data)
            except (struct.error, IndexError, OverflowError) as error:  # a place beyond the file's end
                raise UserError(CUT_SHORT) from error
    if is_video(data[:HEAD]):
        raise UserError("the file is a video; give an image (fer video reads videos)")
    raise UserError(f"the file is not a {NAMES} image; give one of these")
