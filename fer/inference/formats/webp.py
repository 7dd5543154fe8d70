"""WebP (RFC 9649): lossy, lossless, extended and animated."""

import struct
from collections.abc import Iterator

from fer.inference.formats.exif import orientation
from fer.inference.formats.still import Still, sound, whole


def read(data: bytes) -> Still:
    """The picture of a WebP file, or the first of an animated one, without its alpha: one chunk and its own size.

    Raises:
        UserError: where it is cut short or holds no picture.
        struct.error: where its header is cut short.
    """
    (size,) = struct.unpack_from("<I", data, 4)
    whole(len(data) >= size + 8)
    turned = 1
    picture: tuple[bytes, bytes] | None = None
    for kind, content in _chunks(data, 12, size + 8):
        found = kind, content
        if kind == b"ANMF":  # a frame: 16 bytes of place and duration, and chunks of its own
            inner = (chunk for chunk in _chunks(content, 16, len(content)) if chunk[0] in {b"VP8 ", b"VP8L"})
            found = next(inner, (b"", b""))
        if picture is None and found[0] in {b"VP8 ", b"VP8L"}:
            picture = found
        elif kind == b"EXIF":
            turned = orientation(content)
    sound(picture is not None)
    assert picture is not None
    kind, content = picture
    width, height = _lossless_size(content) if kind == b"VP8L" else _lossy_size(content)
    body = b"WEBP" + kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return Still(b"RIFF" + struct.pack("<I", len(body)) + body, width, height, 32, turned)


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        whole(at + 8 + length <= end)
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _lossy_size(content: bytes) -> tuple[int, int]:
    """From a VP8 key frame (RFC 6386, 9.1)."""
    sound(content[3:6] == b"\x9d\x01\x2a" and not content[0] & 1)
    width, height = struct.unpack_from("<HH", content, 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless_size(content: bytes) -> tuple[int, int]:
    sound(content[:1] == b"\x2f")
    (bits,) = struct.unpack_from("<I", content, 1)
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
