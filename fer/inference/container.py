"""What a video file says of itself, read without decoding: its kind, whether it is whole, when and how long it
shows."""

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

#: First four bytes of a Matroska or WebM file (RFC 8794), and of its segment.
_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"
#: Names of boxes that start an MP4 or QuickTime file (ISO/IEC 14496-12).
_ISO = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
#: HEIC and AVIF pictures begin as an MP4 does, but for their brand (ISO/IEC 23008-12; AV1 Image File Format).
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
#: Beside them Canon's raw photos (CR3), and sound.
_NO_VIDEOS = [b"ftyp" + brand for brand in (*HEIC_BRANDS, b"avif", b"avis", b"crx ", b"M4A ", b"M4B ")]
#: Starts of files of other kinds: MPEG program stream, FLV, ASF (WMV), Ogg.
_ASF = b"0&\xb2u\x8ef\xcf\x11"
_OTHERS = (b"\x00\x00\x01\xba", b"FLV\x01", _ASF, b"OggS")
#: The name of ASF's object that holds the file's size, 24 bytes behind its start (ASF specification 3.2).
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")

#: Bytes at a file's start by which its kind is known.
HEAD = 189
#: Boxes of one level that are looked at: a recording in fragments has two a second.
MAX_BOXES = 100_000
#: Seconds, a day, by which a video may start late: what says more is damaged.
MAX_START = 86_400


def is_video(head: bytes) -> bool:
    """Whether a file's first ``HEAD`` bytes are a video's."""
    transport_stream = len(head) >= HEAD and head[0] == head[188] == 0x47  # packets of 188 bytes (ISO/IEC 13818-1)
    avi = head.startswith(b"RIFF") and head[8:12] == b"AVI "
    if b"\0" not in head:  # text, whatever its letters are
        return False
    iso = head[4:8] in _ISO and head[4:12] not in _NO_VIDEOS
    return iso or avi or head.startswith((_EBML, *_OTHERS)) or transport_stream


def stated_bytes(path: Path) -> int | None:
    """How long the file says that it is, in bytes; None where it does not say.

    MP4 and QuickTime, AVI, Matroska and WebM, and WMV say so, but for streams that were recorded without going back.
    MPEG streams never do.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in _ISO:
            return max((start + size for _, start, size in _boxes(file, 0, path.stat().st_size)), default=None)
        if head[8:12] == b"AVI ":
            (size,) = struct.unpack_from("<I", head, 4)
            return 8 + size if 0 < size < 0xFFFFFFFF else None
        if head.startswith(_EBML):
            return _segment_end(file)
        if head.startswith(_ASF):
            header = _bytes(file, 0, 8192)
            at = header.find(_ASF_PROPERTIES)
            return int.from_bytes(header[at + 40 : at + 48], "little") or None if at >= 0 else None
    return None


def has_index(path: Path) -> bool:
    """Whether a file has what its frames are found by: False for an MP4 or QuickTime file without its ``moov`` box."""
    with path.open("rb") as file:
        if file.read(8)[4:] not in _ISO:
            return True
        return any(name == b"moov" for name, _, _ in _boxes(file, 0, path.stat().st_size))


def stated_seconds(path: Path) -> float | None:
    """How long an MP4 or QuickTime file shows its video, by its edit list; None where it has none.

    FFmpeg counts the frames that an edit list hides, too.
    """
    edits = _edits(path)
    return sum(seconds for seconds, shows in edits if shows) if edits else None


def stated_start(path: Path) -> float:
    """When players show the first frame, in seconds: empty edits at the start of an edit list put it off.

    OpenCV's times count from the first frame. 0 for other files, and for more than ``MAX_START``.
    """
    start = sum(seconds for seconds, _ in itertools.takewhile(lambda edit: not edit[1], _edits(path)))
    return start if start <= MAX_START else 0.0


def _edits(path: Path) -> list[tuple[float, bool]]:
    """The edit list of an MP4 or QuickTime file's video: seconds, and whether the video shows or nothing does."""
    with path.open("rb") as file:
        if file.read(8)[4:] not in _ISO:
            return []
        try:
            return _edit_list(file, path.stat().st_size)
        except (struct.error, IndexError):  # a header cut short
            return []


def _edit_list(file: BinaryIO, end: int) -> list[tuple[float, bool]]:
    movie = _find(file, 0, end, b"moov")
    header = movie and _find(file, *movie, b"mvhd")
    if not movie or not header:
        return []
    timescale = _number(file, header[0] + (20 if _version(file, header[0]) else 12))
    for name, start, size in _boxes(file, *movie):
        track = (start + 8, start + size)
        media = name == b"trak" and _find(file, *track, b"mdia")
        handler = media and _find(file, *media, b"hdlr")
        if not handler or _bytes(file, handler[0] + 8, 4) != b"vide":
            continue
        edits = _find(file, *track, b"edts")
        content = edits and _find(file, *edits, b"elst")
        return _entries(file, content[0], timescale) if content and timescale else []
    return []


def _entries(file: BinaryIO, start: int, timescale: int) -> list[tuple[float, bool]]:
    entry = ">Qq4x" if _version(file, start) else ">Ii4x"
    size = struct.calcsize(entry)
    count = min(_number(file, start + 4), 1000)
    entries = (struct.unpack(entry, _bytes(file, start + 8 + at * size, size)) for at in range(count))
    return [(duration / timescale, media_time >= 0) for duration, media_time in entries]


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of the boxes between two places of an ISO file."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, name = struct.unpack(">I4s", _bytes(file, start, 8))
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack(">Q", _bytes(file, start + 8, 8))
        if size < 8:  # 0: to the end of the file; else damaged
            return
        yield name, start, size
        start += size


def _find(file: BinaryIO, start: int, end: int, name: bytes) -> tuple[int, int] | None:
    """Start and end of the content of the first box of a name."""
    return next(((at + 8, at + size) for found, at, size in _boxes(file, start, end) if found == name), None)


def _segment_end(file: BinaryIO) -> int | None:
    at = 4
    header = _vint(file, at)
    if header is None:
        return None
    at += header[1] + header[0]
    segment = _vint(file, at + 4) if _bytes(file, at, 4) == _SEGMENT else None
    return None if segment is None else at + 4 + segment[1] + segment[0]


def _vint(file: BinaryIO, at: int) -> tuple[int, int] | None:
    """A size of Matroska and its own length in bytes; None where it is unknown (all ones) or damaged."""
    first = _bytes(file, at, 1)
    length = 9 - first[0].bit_length() if first and first[0] else 9
    content = _bytes(file, at, length)
    if length > 8 or len(content) < length:
        return None
    mask = (1 << 7 * length) - 1
    value = int.from_bytes(content, "big") & mask
    return None if value == mask else (value, length)


def _version(file: BinaryIO, at: int) -> int:
    return _bytes(file, at, 1)[0]


def _number(file: BinaryIO, at: int) -> int:
    return int(struct.unpack(">I", _bytes(file, at, 4))[0])


def _bytes(file: BinaryIO, at: int, count: int) -> bytes:
    try:
        file.seek(at)
    except OSError:  # a place beyond any file
        return b""
    return file.read(count)
