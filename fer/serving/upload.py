"""The one file of a multipart request, within limits."""

from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import bentoml
from bentoml.exceptions import BentoMLException, InvalidArgument
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

#: Of a whole request.
MAX_BYTES = 10_000_000

_HOW = "send multipart/form-data with one file named image"


class ImageUpload(bentoml.IODescriptor):
    """An image file as the form field ``image``.

    BentoML's own parser fetches a text field as a URL, has no limit on size, and answers 500 to a malformed form;
    this one takes uploaded bytes only.
    """

    image: Path

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "ImageUpload":
        """Read the form; a BentoMLException with a 4xx code says in one line what is wrong with it."""
        if not request.headers.get("Content-Type", "").startswith("multipart/form-data"):
            raise BentoMLException(f"not a form; {_HOW}", error_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            form = await MultiPartParser(request.headers, _limited(request), max_files=1).parse()
        except MultiPartException as error:
            raise InvalidArgument(f"{error.message.rstrip('.')}; {_HOW}") from error
        upload = form.get("image")
        if not isinstance(upload, UploadFile):
            raise InvalidArgument(f"no file named image in the form; {_HOW}")
        # Bytes, not the upload itself: BentoML would make a client's file name part of a path.
        content = await upload.read()
        await form.close()
        return cls(image=content)


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    """The request's body, as far as ``MAX_BYTES``."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            message = f"the request is larger than {MAX_BYTES / 1e6:g} MB; send a smaller image"
            raise BentoMLException(message, error_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        yield chunk
