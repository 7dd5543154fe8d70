"""GIF (89a): its first picture."""

import struct

from fer.inference.formats.still import Still, sound, whole

_PICTURE, _EXTENSION, _CONTROL, _END = 0x2C, 0x21, 0xF9, b"\x3b"


def read(data: bytes) -> Still:
    """The first picture of a GIF file; those that follow are left out.

    Raises:
        UserError: where it is cut short or holds no picture.
        struct.error: where its header is cut short.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette(flags)
    kept = [data[:at]]
    while True:
        whole(at < len(data))
        start, kind = at, data[at]
        sound(kind in {_PICTURE, _EXTENSION})
        if kind == _PICTURE:
            break
        at = _after_blocks(data, at + 2)
        if data[start + 1] == _CONTROL:
            kept.append(data[start:at])
    left, top, across, down, flags = struct.unpack_from("<HHHHB", data, at + 1)
    sound(left + across <= width and top + down <= height)
    end = _after_blocks(data, at + 11 + _palette(flags))
    return Still(b"".join([*kept, data[start:end], _END]), width, height, 32)


def _palette(flags: int) -> int:
    """Bytes of the colour table that the flags state."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    """The place after blocks that each state their length; the last is empty."""
    while True:
        whole(at < len(data))
        length = data[at]
        at += 1 + length
        if length == 0:
            return at
