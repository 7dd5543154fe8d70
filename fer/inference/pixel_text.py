"""A face as text: the ``pixels`` cell of the challenge's CSV (Goodfellow et al. 2013)."""

import math

from fer.inference.face_size import FACE_SIZE

_VALUES = {str(value): value for value in range(256)}


def parse_pixels(text: str, count: int = FACE_SIZE**2) -> bytes:
    """The grey values of a ``pixels`` cell: numbers 0 to 255 without leading zeros, between white space.

    Raises:
        ValueError: naming the first bad pixel, or the number of pixels.
    """
    words = text.split()
    try:
        values = bytes(map(_VALUES.__getitem__, words))
    except KeyError as error:
        word = error.args[0]
        number = words.index(word) + 1
        raise ValueError(f"pixel {number} is {word[:40]!r}, not a whole number from 0 to 255") from error
    if len(values) != count:
        side = math.isqrt(count)
        raise ValueError(f"{len(values):,} pixels, not {count:,} ({side}x{side})")
    return values
