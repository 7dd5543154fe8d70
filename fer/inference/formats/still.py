"""One picture of a file, as the decoder will see it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fer.errors import UserError

DAMAGED = "the image cannot be decoded; the file is damaged"
CUT_SHORT = "the image is cut short; give the whole file"


@dataclass(frozen=True)
class Still:
    """What a file says of its first picture, read where the decoder reads it.

    Attributes:
        data: the file for the decoder: nothing in it but that picture.
        width: of the picture as stored, in pixels.
        height: of the picture as stored, in pixels.
        bits: per decoded pixel.
        orientation: EXIF's, 1 to 8: how the stored picture is turned.
        scans: how often the decoder goes over the picture.
        check: what costs time to check, once the size is known to be small enough; raises UserError.
        decode: gives uint8 ``[H, W, 3]`` BGR where another library than OpenCV reads the format.
    """

    data: bytes
    width: int
    height: int
    bits: int = 24
    orientation: int = 1
    scans: int = 1
    check: Callable[[], None] | None = None
    decode: Callable[[], np.ndarray] | None = None


def whole(complete: bool) -> None:
    """Refuse a file without its end."""
    if not complete:
        raise UserError(CUT_SHORT)


def sound(right: bool) -> None:
    """Refuse a file that breaks its format's rules."""
    if not right:
        raise UserError(DAMAGED)
