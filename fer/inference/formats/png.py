"""PNG (third edition, W3C 2025)."""

import struct
import zlib
from functools import partial

from fer.errors import UserError
from fer.inference.formats.exif import orientation
from fer.inference.formats.still import DAMAGED, Still, sound, whole

START = b"\x89PNG\r\n\x1a\n"
#: Channels by colour type.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: What the decoder gets; no animation, profile or text, whose compressed content has no stated size.
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
#: Adam7's passes: first column and row, and the steps between columns and rows.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PORTION = 1 << 20


def read(data: bytes) -> Still:
    """The picture of a PNG file; its pixels inflate to what the header says, neither less nor more.

    Raises:
        UserError: where it is cut short or breaks the rules.
        struct.error: where a chunk is cut short.
    """
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    sound(data[12:16] == b"IHDR" and colour in _CHANNELS and depth in {1, 2, 4, 8, 16} and interlaced in {0, 1})
    kept: list[bytes | memoryview] = [START]
    pixels: list[memoryview] = []
    turned = 1
    at, kind = len(START), b""
    while kind != b"IEND":
        whole(at < len(data))
        length, kind = struct.unpack_from(">I4s", data, at)
        whole(at + 12 + length <= len(data))
        content = memoryview(data)[at + 8 : at + 8 + length]
        if kind in _KEPT:
            kept.append(memoryview(data)[at : at + 12 + length])
        if kind == b"IDAT":
            pixels.append(content)
        elif kind == b"eXIf":
            turned = orientation(bytes(content))
        at += 12 + length
    bits = depth * _CHANNELS[colour]
    # A palette's and a grey picture's pixels become three channels.
    decoded = max(bits, 24 * max(depth, 8) // 8)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    check = partial(_inflates_to, pixels, sum(_bytes(width, height, bits, *steps) for steps in passes))
    return Still(b"".join(kept), width, height, decoded, turned, check=check)


def _bytes(width: int, height: int, bits: int, column: int, row: int, across: int, down: int) -> int:
    """Of one pass: every row has a byte more, its filter's."""
    columns, rows = -(-(width - column) // across), -(-(height - row) // down)
    return rows * (1 + -(-columns * bits // 8)) if columns > 0 and rows > 0 else 0


def _inflates_to(pixels: list[memoryview], stated: int) -> None:
    """Refuse pixels that inflate to less than ``stated`` bytes, or to more: libpng would go through all of it."""
    inflater, size = zlib.decompressobj(), 0
    for part in pixels:
        rest: bytes | memoryview = part
        while len(rest) and not inflater.eof:
            try:
                size += len(inflater.decompress(rest, _PORTION))
            except zlib.error as error:
                raise UserError(DAMAGED) from error
            sound(size <= stated)
            rest = inflater.unconsumed_tail
    while not inflater.eof and (more := inflater.decompress(b"", _PORTION)):
        size += len(more)
        sound(size <= stated)
    whole(size == stated)
