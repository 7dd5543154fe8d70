"""Photos read by a service (``fer serve``) instead of here, over HTTP."""

import json
import os
import secrets
import ssl
import time
import urllib.request
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from fer import __version__
from fer.errors import UserError
from fer.inference.faces import Doubt, Face, Photo

#: The environment variable that holds the service's key, where it asks for one.
KEY = "FER_API_KEY"
#: Seconds until an answer; and of all waiting for a service that is busy (503), in as many tries as that allows.
TIMEOUT, PATIENCE = 60.0, 60.0
#: Seconds between two tries where the service does not say, and at most.
PAUSE, LONGEST_PAUSE = 1.0, 30.0
#: What a photo is called on its way: the service's messages name it, and whoever asks knows its file's name.
NAME = "photo"
#: Characters of a service's own words that a message repeats.
QUOTED = 200


class NoAnswerError(UserError):
    """Nothing answers at a service's address: the next request would fail too."""


class Service:
    """A service that reads faces; threads may share one.

    Args:
        url: its address, such as ``http://127.0.0.1:3000``.

    Raises:
        UserError: in one line, when the address is none, nothing answers there, or it is another kind of service.
    """

    def __init__(self, url: str) -> None:
        if not set("@?#").isdisjoint(url):  # what it is may be a secret, and is not repeated
            raise UserError(f"--url: holds more than an address; give http://host:port, and a key in {KEY}")
        if not _is_address(url):
            raise UserError(f"--url {url}: not an address; begin with http:// or https://")
        self._url = url.rstrip("/")
        try:
            content = self._answer("/model")
            self.classes = tuple(str(name) for name in content["classes"])
            self.thresholds = {str(name): float(value) for name, value in content["thresholds"].items()}
            self.model = str(content["model"]["architecture"])
            self.dataset = str(content["model"]["dataset"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{self._url}: is no service of fer; check the address") from error

    def photo(self, data: bytes) -> Photo:
        """The faces of one image file, as the service reads it.

        Args:
            data: the whole file.

        Raises:
            UserError: in one line, what the service says against it, or that none answers.
        """
        boundary = secrets.token_hex(16)
        head = f'Content-Disposition: form-data; name="images"; filename="{NAME}"\r\n'
        kind = "Content-Type: application/octet-stream\r\n"
        body = b"".join(
            [f"--{boundary}\r\n{head}{kind}\r\n".encode(), data, f"\r\n--{boundary}--\r\n".encode()],
        )
        content = self._answer("/analyze", body, f"multipart/form-data; boundary={boundary}")
        try:
            (found,) = content
            return _photo(found, self.classes)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self._url}: gives an answer of another version ({error!r}); update fer") from error

    def _answer(self, path: str, body: bytes | None = None, kind: str = "") -> Any:
        """The JSON that answers; a service that is busy is asked again."""
        end = time.monotonic() + PATIENCE
        while True:
            request = urllib.request.Request(self._url + path, body, {"User-Agent": f"fer/{__version__}"})
            if body is not None:
                request.add_header("Content-Type", kind)
            if key := _key():
                request.add_header("Authorization", f"Bearer {key}")
            try:
                with _OPENER.open(request, timeout=TIMEOUT) as answer:
                    return json.load(answer)
            except HTTPError as error:
                with error:
                    pause = _pause(error.headers)
                    if error.code != 503 or time.monotonic() + pause > end:
                        raise UserError(self._against(path, error)) from error
                time.sleep(pause)
            except (OSError, HTTPException) as error:
                reason = error.reason if isinstance(error, URLError) else error
                words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
                remedy = "is it http://?" if isinstance(reason, ssl.SSLError) else "is the service running? fer serve"
                raise NoAnswerError(f"{self._url}: no answer ({words}); {remedy}") from error
            except ValueError as error:
                raise UserError(f"{self._url}{path}: answers no JSON; check the address") from error

    def _against(self, path: str, error: HTTPError) -> str:
        """What the service says against a request, and how to mend it."""
        said = _reason(error)
        about_photo = f"image '{NAME}': "
        if about_photo in said:
            return said.replace(about_photo, "", 1)
        if error.code == 404:
            said += "; give the service's address alone, such as http://127.0.0.1:3000"
        return f"{self._url}{path}: {said}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Photos and the key go to the address that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets, a port or a host that are none
        return False


def _key() -> str:
    """The service's key, as ``http.client`` writes UTF-8 into a header; empty where there is none."""
    key = os.environ.get(KEY, "").strip()
    if not key.isprintable():
        raise UserError(f"{KEY}: holds a character that no header carries; give the service's FER_SERVE_API_KEY")
    return key.encode().decode("latin-1")


def _pause(headers: Message) -> float:
    """Seconds that a busy service asks to wait."""
    said = headers.get("Retry-After", "")
    return min(float(said), LONGEST_PAUSE) if said.isascii() and said.isdecimal() else PAUSE  # it may be a date


def _reason(error: HTTPError) -> str:
    """What the service says, in one line."""
    try:
        said = json.load(error)["error"]["message"]
    except (OSError, ValueError, KeyError, TypeError, HTTPException):
        said = error.reason
    hint = f"; put its key into {KEY}" if error.code == 401 else ""
    words = "".join(c if c.isprintable() else " " for c in str(said))
    return f"{' '.join(words.split())[:QUOTED]} (HTTP {error.code}){hint}"


def _photo(content: dict[str, Any], classes: tuple[str, ...]) -> Photo:
    """The photo that ``Photo.to_dict`` made ``content`` of."""
    faces, size = tuple(_face(face) for face in content["faces"]), (int(content["width"]), int(content["height"]))
    return Photo(*size, str(content["detector"]), faces, content["name"], classes)


def _face(content: dict[str, Any]) -> Face:
    left, top, width, height = (int(value) for value in content["box"])
    probabilities = {str(name): float(value) for name, value in content["probabilities"].items()}
    if content["emotion"] not in probabilities:
        raise ValueError(f"{content['emotion']} has no probability")
    points = content["landmarks"]
    return Face(
        box=(left, top, width, height),
        probabilities=probabilities,
        emotion=content["emotion"],
        doubts=tuple(Doubt(doubt) for doubt in content["doubts"]),
        score=None if content["score"] is None else float(content["score"]),
        landmarks=tuple((float(x), float(y)) for x, y in points) if points else None,
    )
