"""YuNet's model file: named by a setting, found in the cache, or downloaded once."""

import functools
import hashlib
import logging
import os
import threading
from pathlib import Path

from fer.errors import UserError
from fer.files import replace_file

#: The setting: an environment variable that names the file.
SETTING = "FER_YUNET"
NAME = "face_detection_yunet_2023mar.onnx"
#: OpenCV Zoo, MIT licence.
URL = f"https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/{NAME}"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
SIZE = 232_589
#: Of the file that the setting names, in bytes: other YuNets have at most some hundred KB, a device has no end.
LARGEST = 16 << 20
#: Seconds that a connection may be silent: whoever waits for the first answer waits for this too.
TIMEOUT = 5.0

_lock = threading.Lock()
_log = logging.getLogger(__name__)


class YuNetMissing(Exception):  # noqa: N818 - no error until somebody insists on YuNet
    """YuNet's file cannot be had; the message says why and how to mend it, in one line."""


def cache_folder() -> Path:
    """Where downloads are kept: ``FER_CACHE``, else ``fer`` in ``XDG_CACHE_HOME`` or ``~/.cache``."""
    if own := os.environ.get("FER_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fer"


def yunet_bytes() -> bytes:
    """The content of YuNet's model file: ``FER_YUNET``'s (as it is), the cache's, or the download's (digest checked).

    Raises:
        UserError: where ``FER_YUNET`` names no readable file, or one that is far too large.
        YuNetMissing: where there is none.
    """
    if path := os.environ.get(SETTING):
        try:
            with Path(path).open("rb") as file:
                content = file.read(LARGEST + 1)
        except OSError as error:
            raise UserError(f"{SETTING}: {path}: cannot be read ({error.strerror}); name YuNet's {NAME}") from error
        if len(content) > LARGEST:
            raise UserError(f"{SETTING}: {path}: not a YuNet model (over {LARGEST >> 20} MB); name {NAME}")
        return content
    cached = cache_folder() / NAME
    try:
        content = cached.read_bytes()
        if _is_yunet(content):
            return content
    except OSError:
        pass  # as good as absent
    with _lock:  # threads that start together download once
        downloaded, failure = _download(cached)
    if downloaded is None:
        remedy = f"fetch {URL} and name the file in {SETTING}"
        raise YuNetMissing(f"YuNet's file cannot be downloaded ({failure}); {remedy}")
    return downloaded


@functools.cache  # tried once a process
def _download(cached: Path) -> tuple[bytes | None, str]:
    """The file's content and "", or None and why there is none."""
    import http.client  # both are slow to import, and seldom needed
    import urllib.request

    try:
        with urllib.request.urlopen(URL, timeout=TIMEOUT) as answer:
            content = answer.read(SIZE + 1)
    except (OSError, http.client.HTTPException) as error:  # URLError, HTTPError, timeouts and TLS failures
        return None, _reason(error)
    if not _is_yunet(content):
        return None, "the address gives another file: its sha256 differs"
    try:
        with replace_file(cached) as fresh:
            fresh.write_bytes(content)
    except OSError as error:
        _log.warning("%s: cannot be kept (%s); the next process downloads it again", cached, error.strerror)
    return content, ""


def _reason(error: Exception) -> str:
    """An error in one line; URLError wraps the system's own."""
    inner = getattr(error, "reason", None)
    cause = inner if isinstance(inner, Exception) else error
    words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return " ".join(words.split())[:120]


def _is_yunet(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == SHA256
