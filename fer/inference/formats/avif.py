"""AVIF 1.1 (a still picture of AV1 in an ISO base media file)."""

import struct
from collections.abc import Iterator

from fer.errors import UserError
from fer.inference.formats.still import DAMAGED, Still, sound, whole

_SEQUENCE_HEADER = 1
#: EXIF's orientation for quarters turned counter-clockwise and then a mirroring (None, top to bottom, left to right).
_TURNS = {
    (0, None): 1, (2, None): 3, (3, None): 6, (1, None): 8,
    (0, 1): 2, (0, 0): 4, (2, 0): 2, (2, 1): 4,
    (1, 0): 5, (1, 1): 7, (3, 0): 7, (3, 1): 5,
}  # fmt: skip


def read(data: bytes) -> Still:
    """The picture of an AVIF file: the largest size that it states, or that any of its AV1 streams states.

    Raises:
        UserError: for an animation, and where it is cut short or breaks the rules.
        struct.error: where a box is cut short.
    """
    boxes = dict(_boxes(data))
    if b"moov" in boxes or data[8:12] == b"avis":
        raise UserError("the AVIF file is an animation, which is not read; give a still image or a video")
    sound(b"meta" in boxes)
    meta = dict(_boxes(boxes[b"meta"][4:]))
    sound({b"iprp", b"iinf", b"iloc"} <= set(meta))
    sides: list[tuple[int, int]] = []
    turned: tuple[int, int | None] = (0, None)
    bits = 8
    for kind, content in _boxes(dict(_boxes(meta[b"iprp"])).get(b"ipco", b"")):
        if kind == b"ispe":
            sides.append(struct.unpack_from(">II", content, 4))
        elif kind == b"av1C":
            bits = max(bits, 16 if content[2] & 0x40 else 8)
            sides.extend(_stream_sizes(content[4:]))
        elif kind == b"irot":
            turned = content[0] & 3, turned[1]
        elif kind == b"imir":
            turned = turned[0], content[0] & 1
    for kind, content in _items(data, meta):
        sides.extend([_grid_size(content)] if kind == b"grid" else _stream_sizes(content))
    sound(bool(sides))
    width, height = (max(side) for side in zip(*sides, strict=True))
    return Still(data, width, height, 4 * bits, _TURNS[turned])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in a row: type and content."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + size if size else len(data)
        whole(end <= len(data))
        sound(end >= start)
        yield kind, data[start:end]
        at = end


def _items(data: bytes, meta: dict[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of the items that make up pictures."""
    kinds = dict(_kinds(meta[b"iinf"]))
    for number, base, extents, inside in _places(meta[b"iloc"]):
        if kinds.get(number) in {b"av01", b"grid"}:
            source = meta.get(b"idat", b"") if inside else data
            whole(all(base + start + length <= len(source) for start, length in extents))
            parts = [source[base + start : base + start + length or None] for start, length in extents]
            yield kinds[number], b"".join(parts)


def _kinds(content: bytes) -> Iterator[tuple[int, bytes]]:
    for kind, entry in _boxes(content[8 if content[0] else 6 :]):
        sound(kind == b"infe" and entry[0] in {2, 3})
        number, _, name = struct.unpack_from(">HH4s" if entry[0] == 2 else ">IH4s", entry, 4)
        yield number, name


def _places(content: bytes) -> Iterator[tuple[int, int, list[tuple[int, int]], bool]]:
    """Of every item: number, base, extents (start and length), and whether they lie in the ``idat`` box."""
    version, sizes = content[0], content[4:6]
    sound(version <= 2)
    wide = {"start": sizes[0] >> 4, "length": sizes[0] & 15, "base": sizes[1] >> 4, "index": sizes[1] & 15}
    if version == 0:
        wide["index"] = 0
    at = 6

    def number(size: int) -> int:
        nonlocal at
        whole(at + size <= len(content))
        at += size
        return int.from_bytes(content[at - size : at], "big")

    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        sound(method < 2)
        number(2)  # another file's: there is none
        base = number(wide["base"])
        extents = []
        for _ in range(number(2)):
            number(wide["index"])
            start = number(wide["start"])
            extents.append((start, number(wide["length"])))
        yield item, base, extents, method == 1


def _grid_size(content: bytes) -> tuple[int, int]:
    return struct.unpack_from(">II" if content[1] & 1 else ">HH", content, 4)


def _stream_sizes(stream: bytes) -> Iterator[tuple[int, int]]:
    """Width and height in every sequence header of AV1's open bitstream units (AV1 specification, 5.3 to 5.5)."""
    at = 0
    while at < len(stream):
        header = stream[at]
        at += 2 if header & 4 else 1
        size = len(stream) - at
        if header & 2:
            size, at = _leb128(stream, at)
        whole(at + size <= len(stream))
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            yield _sequence_size(stream[at : at + size])
        at += size


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        value |= (stream[at + place] & 0x7F) << 7 * place
        if not stream[at + place] & 0x80:
            return value, at + place + 1
    raise UserError(DAMAGED)


def _sequence_size(header: bytes) -> tuple[int, int]:
    bits = int.from_bytes(header, "big")
    left = 8 * len(header)

    def read(count: int) -> int:
        nonlocal left
        left -= count
        whole(left >= 0)
        return bits >> left & (1 << count) - 1

    read(4)  # profile, still picture
    if read(1):  # the short header of a still picture
        read(5)
    else:
        sound(not read(1))  # timing belongs to videos
        delay = read(1)
        for _ in range(read(5) + 1):
            read(12)
            if read(5) > 7:
                read(1)
            if delay and read(1):
                read(4)
    across, down = read(4) + 1, read(4) + 1
    return read(across) + 1, read(down) + 1
