"""JPEG (ITU T.81)."""

import re
import struct

from fer.inference.formats.exif import orientation
from fer.inference.formats.still import Still, sound, whole

#: Start-of-frame markers; C4, C8 and CC in their range are tables and an extension (table B.1).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END, _EXIF = 0xDA, 0xD9, 0xE1
#: The next marker as libjpeg finds it: fill bytes, stuffed zeros, restarts and what is no marker are passed over.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)


def read(data: bytes) -> Still:
    """The picture of a JPEG file; every scan is counted.

    Raises:
        UserError: where its end is missing, or a frame before its first scan.
        struct.error: where a segment is cut short.
    """
    frame: tuple[int, int, int] | None = None
    sound(data[2:3] in {b"", b"\xff"})
    turned, scans, at = 1, 0, 2
    while found := _MARKER.search(data, at):
        marker, at = found[1][0], found.end()
        if marker == _END:
            break
        if marker in {0x01, 0xD8}:  # no length follows
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if marker in _FRAMES and frame is None:
            height, width, channels = struct.unpack_from(">HHB", data, at + 3)
            frame = width, height, channels
        elif marker == _SCAN:
            scans += 1
        elif marker == _EXIF and data.startswith(b"Exif\0\0", at + 2):
            turned = orientation(data[at + 2 : at + length])
        at += length
    whole(found is not None)
    sound(frame is not None and scans > 0)
    assert frame is not None
    return Still(data, frame[0], frame[1], 8 * max(3, frame[2]), turned, scans)
