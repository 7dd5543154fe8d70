"""The pictures of a request, within limits, in memory alone."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from fer.inference.detection import Box
from fer.serving.problems import ApiError, overloaded
from fer.serving.settings import Settings

HOW = "send multipart/form-data with files named images, or one image as the body with its own type, such as image/jpeg"
FORM = "multipart/form-data"
#: Bodies that are one picture. What it is its bytes say, not the header.
RAW = ("image/", "application/octet-stream")

Side = Annotated[int, Field(ge=1, le=1_000_000)]
Place = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Boxes = Annotated[list[tuple[Place, Place, Side, Side]], Field()]
_BOXES = TypeAdapter(list[Boxes | None])


@dataclass(frozen=True)
class Picture:
    """An uploaded file: its bytes, and its name where the client gave one."""

    data: bytes
    name: str | None = None


@dataclass
class Held:
    """Bytes of request bodies in memory at the moment, of one worker."""

    limit: int
    size: int = 0

    def take(self, size: int) -> None:
        """Count bytes that have come in; ApiError 503 where memory would be short."""
        if self.size + size > self.limit:
            raise overloaded(1)
        self.size += size


@dataclass
class Upload:
    """A request's pictures and text fields."""

    pictures: list[Picture] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


class _InMemory(MultiPartParser):
    """Starlette's parser, whose files never go to the disk: the body is limited as a whole."""

    spool_max_size = 0  # of SpooledTemporaryFile: never rolls over


class Uploads:
    """Reads the bodies of requests.

    Args:
        settings: for the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = Held(settings.max_memory_bytes)

    @asynccontextmanager
    async def read(self, request: Request, fields: Collection[str] = ()) -> AsyncGenerator[Upload, None]:
        """The pictures of a request, counted as held for as long as the block lasts.

        Args:
            request: with a form, or with one image as its body.
            fields: names that text may have, in the form or in the address of an image.

        Raises:
            ApiError: 400 for a broken form or another field, 408, 413, 415 or 503.
        """
        taken = _Taken(self._held)
        try:
            async with within(self._settings.body_seconds):
                upload = await self._parse(request, fields, taken)
            yield upload
        finally:
            taken.give_back()

    async def _parse(self, request: Request, fields: Collection[str], taken: "_Taken") -> Upload:
        given = request.query_params.multi_items()
        kind = request.headers.get("Content-Type", "").strip().lower()
        body = limited(request, self._settings.max_bytes, taken.add)
        if kind.startswith(FORM):
            check_fields((), given, "parameter beside a form")
            return await self._form(request, fields, body)
        if kind.startswith(RAW):
            check_fields(fields, given, "parameter")
            return Upload([Picture(b"".join([chunk async for chunk in body]))], dict(request.query_params))
        raise ApiError(415, "unsupported_media_type", f"the body is no picture and no form; {HOW}")

    async def _form(self, request: Request, fields: Collection[str], body: AsyncGenerator[bytes, None]) -> Upload:
        limit = self._settings.max_images
        parser = _InMemory(request.headers, body, max_files=limit + 1, max_fields=8)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            if "Too many files" in error.message:
                raise ApiError(413, "too_many_images", f"more than {limit} images; send fewer at a time") from error
            raise ApiError(400, "bad_form", f"{error.message.rstrip('.')}; {HOW}") from error
        texts = [one for one in form.multi_items() if not isinstance(one[1], UploadFile) and one[0] != "images"]
        check_fields(fields, texts, "field")
        upload = Upload()
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                if name == "images":  # what many clients send for bytes without a name
                    raise ApiError(400, "bad_form", f"images has no filename, and so is text; {HOW}")
                upload.fields[name] = value
            elif name == "images":
                upload.pictures.append(Picture(await value.read(), value.filename or None))
            else:
                raise ApiError(400, "bad_form", f"a file named {name!r:.40}; {HOW}")
        await form.close()
        if not upload.pictures:
            raise ApiError(400, "bad_form", f"no file named images in the form; {HOW}")
        if len(upload.pictures) > limit:
            raise ApiError(413, "too_many_images", f"{len(upload.pictures)} images, more than {limit}; send fewer")
        return upload


def check_fields(known: Collection[str], given: Iterable[tuple[str, Any]], what: str) -> None:
    """ApiError 400 for a name that is not known, or is given twice: the answer would be another one unseen."""
    names = [name for name, _ in given]
    for name in names:
        if name not in known:
            there = f"known here: {', '.join(known)}" if known else "none is known here"
            raise ApiError(400, "unknown_field", f"no {what} {name!r:.40}; {there}")
        if names.count(name) > 1:
            raise ApiError(400, "repeated_field", f"the {what} {name!r:.40} twice; give it once")


class _Taken:
    """What one request has taken of ``Held``."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.size = 0

    def add(self, size: int) -> None:
        self._held.take(size)
        self.size += size

    def give_back(self) -> None:
        self._held.size -= self.size


@asynccontextmanager
async def within(seconds: float) -> AsyncGenerator[None, None]:
    """ApiError 408 where the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ApiError(408, "too_slow", f"the request did not arrive within {seconds:g} s; send it faster") from error


async def limited(request: Request, most: int, count: Callable[[int], None]) -> AsyncGenerator[bytes, None]:
    """The request's body, as far as ``most`` bytes; ApiError 413 after them. ``count`` hears every size."""
    too_large = ApiError(413, "too_large", f"the request is larger than {most / 1e6:g} MB; send less at a time")
    stated = request.headers.get("Content-Length", "")
    if stated.isdecimal() and int(stated) > most:
        raise too_large
    size = 0
    async for chunk in request.stream():
        count(len(chunk))
        size += len(chunk)
        if size > most:
            raise too_large
        yield chunk


def boxes_of(upload: Upload, settings: Settings) -> list[list[Box] | None]:
    """The caller's boxes, a list for each picture; None where the detector looks.

    Raises:
        ApiError: 400 where the field is no JSON of that form, 413 for too many boxes.
    """
    text = upload.fields.get("boxes")
    if text is None:
        return [None] * len(upload.pictures)
    how = "boxes must be JSON, for each image a list of [left, top, width, height] in pixels, or null"
    try:
        boxes = _BOXES.validate_python(json.loads(text), strict=False)
    except (ValueError, ValidationError, RecursionError) as error:
        raise ApiError(400, "bad_boxes", f"{how}, such as [[[10, 20, 64, 64]]]") from error
    if len(boxes) != len(upload.pictures):
        raise ApiError(400, "bad_boxes", f"{len(boxes)} lists of boxes for {len(upload.pictures)} images; {how}")
    if any(given and len(given) > settings.max_faces for given in boxes):
        raise ApiError(413, "too_many_faces", f"more than {settings.max_faces} boxes for one image; send fewer")
    return list(boxes)
