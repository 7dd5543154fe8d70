"""Video files of every kind that a test needs, made by OpenCV; MP4 files are then changed box by box."""

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT, RATE = 320, 240, 25
CODECS = {".avi": "MJPG", ".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".webm": "VP80", ".wmv": "WMV2"}
#: Boxes that hold boxes.
FOLDERS = (b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl")
#: Units of the media's time scale in which OpenCV writes one frame of an MP4 file at 25 a second.
TICKS = 512


def scene(at: int) -> np.ndarray:
    """Noise with a disc that moves 3 pixels a frame, and the frame's number in its brightness."""
    image = np.random.default_rng(at).integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return cv2.circle(image, (20 + 3 * at % 280, 100), 30, (0, 200, 255), -1)


def write_video(path: Path, frames: int = 50, rate: float = RATE, draw: Callable[[int], np.ndarray] = scene) -> Path:
    first = draw(0)
    codec = cv2.VideoWriter.fourcc(*CODECS[path.suffix])
    writer = cv2.VideoWriter(str(path), codec, rate, (first.shape[1], first.shape[0]))
    for at in range(frames):
        writer.write(draw(at))
    writer.release()
    return path


def with_durations(path: Path, runs: Sequence[tuple[int, int]]) -> Path:
    """Change an MP4 file: runs of (frames, milliseconds of each), its edit list gone."""
    table = struct.pack(">II", 0, len(runs)) + b"".join(
        struct.pack(">II", count, TICKS * milliseconds // (1000 // RATE)) for count, milliseconds in runs
    )
    return _change(path, lambda name, body: table if name == b"stts" else None if name == b"edts" else body)


def turned(path: Path) -> Path:
    """Change an MP4 file: to be shown turned by 90 degrees."""
    matrix = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, HEIGHT << 16, 0, 1 << 30)
    return _change(path, lambda name, body: body[:40] + matrix + body[76:] if name == b"tkhd" else body)


def trimmed(path: Path, seconds: float) -> Path:
    """Change an MP4 file: its edit list hides the first seconds, as a phone trims without encoding again."""

    def change(name: bytes, body: bytes) -> bytes:
        if name != b"elst":
            return body
        (duration,) = struct.unpack_from(">I", body, 8)
        return struct.pack(">IIIiHH", 0, 1, duration - round(1000 * seconds), round(TICKS * RATE * seconds), 1, 0)

    return _change(path, change)


def delayed(path: Path, *seconds: float) -> Path:
    """Change an MP4 file: empty edits before its edit list's own, so that players show its first frame later."""

    def change(name: bytes, body: bytes) -> bytes:
        if name != b"elst":
            return body
        empty = b"".join(struct.pack(">IiHH", round(1000 * each), -1, 1, 0) for each in seconds)
        (count,) = struct.unpack_from(">I", body, 4)
        return body[:4] + struct.pack(">I", count + len(seconds)) + empty + body[8:]

    return _change(path, change)


def index_first(path: Path) -> Path:
    """Change an MP4 file: its index before its pictures, so that it plays while it loads."""
    data = path.read_bytes()
    parts = {name: whole for name, whole, _ in _boxes(data)}
    shift = len(parts[b"moov"])

    def moved(name: bytes, body: bytes) -> bytes:
        if name != b"stco":
            return body
        (count,) = struct.unpack_from(">I", body, 4)
        places = struct.unpack_from(f">{count}I", body, 8)
        return body[:8] + struct.pack(f">{count}I", *(place + shift for place in places))

    others = b"".join(whole for name, whole in parts.items() if name not in (b"ftyp", b"moov"))
    path.write_bytes(parts[b"ftyp"] + _edited(parts[b"moov"], moved) + others)
    return path


def cut_off(path: Path, share: float = 0.5) -> Path:
    """Change a file: its first part alone is left."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def damaged(path: Path, share: float = 0.5) -> Path:
    """Change a file: zeros from a place on, its length as it was."""
    data = bytearray(path.read_bytes())
    start = int(share * len(data))
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


def _change(path: Path, change: Callable[[bytes, bytes], bytes | None]) -> Path:
    path.write_bytes(_edited(path.read_bytes(), change))
    return path


def _edited(data: bytes, change: Callable[[bytes, bytes], bytes | None]) -> bytes:
    out = b""
    for name, _, body in _boxes(data):
        inner = _edited(body, change) if name in FOLDERS else body
        changed = change(name, inner)
        if changed is not None:
            out += struct.pack(">I4s", len(changed) + 8, name) + changed
    return out


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, whole and content of every box."""
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at : at + size], data[at + 8 : at + size]
        at += size
