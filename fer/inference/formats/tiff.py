"""TIFF 6.0 and BigTIFF: the first page."""

import struct

from fer.errors import UserError
from fer.inference.formats.still import Still, sound

_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _ORIENTATION, _CHANNELS = 256, 257, 258, 259, 274, 277
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_READ = {_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _ORIENTATION, _CHANNELS, _TILE_WIDTH, _TILE_HEIGHT}
#: Bytes and struct's letter of the field types that hold whole numbers.
_TYPES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 16: (8, "Q")}
#: None, fax, LZW, JPEG, deflate, PackBits: their decoders fill a buffer of known size and stop.
_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}


def read(data: bytes) -> Still:
    """The first page of a TIFF file; it may be stored in tiles, whose size counts too.

    Raises:
        UserError: for a compression whose size cannot be checked, and where it breaks the rules.
        struct.error: where it is cut short.
    """
    order = "<" if data[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    places = _fields(data, order, version == 43)
    fields = {tag: values for tag, (_, values) in places.items()}
    sound(_WIDTH in fields and _HEIGHT in fields)
    width, height = fields[_WIDTH][0], fields[_HEIGHT][0]
    if (compression := fields.get(_COMPRESSION, [1])[0]) not in _COMPRESSIONS:
        raise UserError(f"the TIFF image has compression {compression}, which is not read; save it as PNG or JPEG")
    # The decoder holds a whole tile: it may be larger than the picture, but not by much.
    sound(fields.get(_TILE_WIDTH, [1])[0] <= width + 1024 and fields.get(_TILE_HEIGHT, [1])[0] <= height + 1024)
    if (depth := max(fields.get(_DEPTH, [1]))) > 16:
        raise UserError(f"the TIFF image has samples of {depth} bits, which are not read; save it with 8 or 16")
    bits = depth * max(1, fields.get(_CHANNELS, [1])[0])
    turned = 1
    if _ORIENTATION in places:
        # OpenCV turns some kinds of TIFF and not others: it is told that there is nothing to turn.
        place, (turned, *_) = places[_ORIENTATION]
        data = data[:place] + struct.pack(f"{order}H", 1) + data[place + 2 :]
    return Still(data, width, height, max(bits, 32), turned)


def _fields(data: bytes, order: str, big: bool) -> dict[int, tuple[int, list[int]]]:
    """The first directory's whole numbers by tag, and where each stands."""
    (at,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)
    (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, at)
    sound(count < 4096)
    at += 8 if big else 2
    wide = 8 if big else 4
    fields: dict[int, tuple[int, list[int]]] = {}
    for entry in range(at, at + count * (4 + 2 * wide), 4 + 2 * wide):
        tag, kind, number = struct.unpack_from(f"{order}HH{'Q' if big else 'I'}", data, entry)
        if tag not in _READ:
            continue
        sound(kind in _TYPES and 0 < number <= 8)
        size, letter = _TYPES[kind]
        place = entry + 4 + wide
        if size * number > wide:
            (place,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, place)
        fields.setdefault(tag, (place, list(struct.unpack_from(f"{order}{number}{letter}", data, place))))
    return fields
