"""The page at ``/`` as an ASGI app: plain files, nothing from outside addresses."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

#: index.html and, below ``/page``, its scripts and its style sheet.
FOLDER = Path(__file__).parent / "page"

#: Scripts, styles and requests are the service's own; blob addresses are the user's photo, video and table.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    # Kept, and asked for again each time: a newer service's page is seen at once.
    "Cache-Control": "no-cache",
}


class PageFiles(StaticFiles):
    """The page's files with its headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file of that name; HTTPException 404 where there is none."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def page_app() -> Starlette:
    """``/`` is the page, ``/page/...`` are its files; every other path is left to the service."""

    async def index(_: Request) -> FileResponse:
        return FileResponse(FOLDER / "index.html", headers=HEADERS)

    return Starlette(routes=[Route("/", index), Mount("/page", PageFiles(directory=FOLDER))])
