"""Whether a file is a picture or a video, by its first bytes."""

import re
from pathlib import Path

from fer.errors import UserError
from fer.inference.container import HEAD, is_video
from fer.inference.formats import is_image


def media_kind(head: bytes) -> str:
    """``picture``, ``video`` or "", by a file's first ``HEAD`` bytes or more."""
    # Every such file has a zero byte near its start, and UTF-8 text has none: it may begin with BM as a bitmap does.
    if b"\0" not in head[:HEAD]:
        return ""
    return "picture" if is_image(head) else "video" if is_video(head[:HEAD]) else ""


def is_address(name: str) -> bool:
    """Whether a file's name is an address on a network, such as ``https://...``."""
    return bool(re.match(r"(?!file:)[a-z][a-z0-9+.-]*://", name, re.IGNORECASE))


def check_video(path: Path) -> None:
    """Check that a file is a video by its first bytes.

    A playlist or a session description is none: FFmpeg would open the files and addresses that it names.

    Raises:
        UserError: when it is none.
    """
    if file_kind(path) != "video":
        raise UserError(f"{path}: not a video; give an MP4, MOV, AVI, MKV or WebM file (fer photo reads pictures)")


def file_kind(path: Path) -> str:
    """The kind of a regular file; "" of a pipe, whose bytes can be read once only.

    Raises:
        OSError: where the file cannot be read.
    """
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return media_kind(file.read(HEAD))
