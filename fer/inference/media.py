"""A picture or a video where another kind of file is read."""

from pathlib import Path

from fer.errors import UserError
from fer.inference.container import HEAD, is_video
from fer.inference.formats import is_image


def refuse_media(path: Path, remedy: str) -> None:
    """Refuse a file of pictures or frames where a table is read.

    Args:
        path: an existing file.
        remedy: what to do, the end of the message.

    Raises:
        UserError: for a picture or a video.
        OSError: where the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    # Every such file has a zero byte near its start, and no text has: one may begin with BM as a bitmap does.
    if b"\0" not in head:
        return
    if is_image(head):
        raise UserError(f"{path}: is a picture; {remedy}")
    if is_video(head):
        raise UserError(f"{path}: is a video; {remedy}")
