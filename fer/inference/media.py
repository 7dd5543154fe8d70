"""Whether a file is a picture or a video, by its first bytes."""

from pathlib import Path

from fer.inference.container import HEAD, is_video
from fer.inference.formats import is_image


def media_kind(head: bytes) -> str:
    """``picture``, ``video`` or "", by a file's first ``HEAD`` bytes or more."""
    # Every such file has a zero byte near its start, and UTF-8 text has none: it may begin with BM as a bitmap does.
    if b"\0" not in head[:HEAD]:
        return ""
    return "picture" if is_image(head) else "video" if is_video(head[:HEAD]) else ""


def file_kind(path: Path) -> str:
    """The kind of a regular file; "" of a pipe, whose bytes can be read once only.

    Raises:
        OSError: where the file cannot be read.
    """
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return media_kind(file.read(HEAD))
