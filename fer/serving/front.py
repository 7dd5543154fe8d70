"""What every request passes: who may ask, what every answer carries, what is counted and what is logged."""

import hmac
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fer.serving import metrics
from fer.serving.problems import ApiError, of_status
from fer.serving.settings import Settings

logger = logging.getLogger("fer.serving")

#: Where a request's ``Exchange`` is kept in its ASGI scope.
EXCHANGE = "fer.exchange"
#: Of every answer that does not set its own: it is no page, and nobody keeps it.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: Answered without a key: whether the service lives, and the page, which holds no secret.
OPEN = ("/livez", "/healthz", "/readyz", "/", "/page")
#: A client that is gone, as nginx counts it.
GONE = 499
#: Refused for want of time: one line a second says so.
QUIET_SECONDS = 1.0


class Exchange:
    """One request and its answer, as far as they are counted and logged.

    Attributes:
        problem: why it was refused; None where it was not.
        status: of the answer; ``GONE`` where none could be sent.
    """

    def __init__(self) -> None:
        self.problem: ApiError | None = None
        self.status = GONE


class Front:
    """ASGI middleware around the whole service.

    Args:
        app: what answers.
        settings: for the key and the origins.
        routes: the paths that are counted by their own name.
        facts: headers of every answer, such as the model's version; may be filled later.
    """

    def __init__(self, app: ASGIApp, settings: Settings, routes: tuple[str, ...], facts: dict[str, str]) -> None:
        self._routes = routes
        self._facts = facts
        self._quiet_until = 0.0
        if settings.api_key:
            app = _Keyed(app, settings.api_key)
        if settings.origins:
            app = CORSMiddleware(
                app,
                allow_origins=settings.origins,
                allow_methods=["GET", "POST", "PUT"],
                allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            )
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, exchange = time.perf_counter(), Exchange()
        scope[EXCHANGE] = exchange
        answer = _Answer(exchange, send, self._facts)
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            exchange.status, exchange.problem = GONE, None  # Starlette has tried to answer 500
        except Exception:
            logger.exception("%s %s", scope["method"], shown(scope["path"]))
            if not answer.started:
                exchange.problem = of_status(500)
                await respond(exchange.problem, answer.send)
        finally:
            self._record(scope, exchange, time.perf_counter() - start)

    def _record(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        method = scope["method"] if scope["method"] in metrics.METHODS else metrics.OTHER
        route = self._route(scope["path"])
        metrics.REQUESTS.labels(route, method, str(exchange.status)).inc()
        metrics.SECONDS.labels(route).observe(seconds)
        if exchange.status < 400:
            return
        problem = exchange.problem
        metrics.REJECTED.labels(problem.code if problem else "gone").inc()
        if exchange.status == 503:
            now = time.monotonic()
            if now < self._quiet_until:
                return
            self._quiet_until = now + QUIET_SECONDS
        why = f"{problem.code}: {problem.message}" if problem else "the client has gone"
        logger.warning("%s %s %d %s", scope["method"], shown(scope["path"]), exchange.status, why)

    def _route(self, path: str) -> str:
        if path in self._routes:
            return path
        return next((route for route in self._routes if route != "/" and path.startswith(f"{route}/")), metrics.OTHER)


class _Answer:
    """The way back: headers for every answer, and JSON for every error."""

    def __init__(self, exchange: Exchange, send: Send, facts: dict[str, str]) -> None:
        self._exchange = exchange
        self._send = send
        self._facts = facts
        self._replaced = False
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            status = self._exchange.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in (HEADERS | self._facts).items():
                headers.setdefault(name, value)
            if status >= 400 and not headers.get("Content-Type", "").startswith("application/json"):
                await self._replace(message, headers)
                return
        elif self._replaced:
            return
        await self._send(message)

    async def _replace(self, message: Message, headers: MutableHeaders) -> None:
        """A framework's plain text in our form."""
        self._replaced = True
        problem = self._exchange.problem or of_status(message["status"])
        self._exchange.problem = problem
        body = problem.to_json()
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(body))
        await self._send(message)
        await self._send({"type": "http.response.body", "body": body})


class _Keyed:
    """Asks for the key, except where anybody may look."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path not in OPEN and not path.startswith("/page/"):
            headers = dict(scope["headers"])
            kind, _, token = headers.get(b"authorization", b"").partition(b" ")
            given = token.strip() if kind.lower() == b"bearer" else headers.get(b"x-api-key", b"")
            if not hmac.compare_digest(given, self._key):
                problem = ApiError(
                    401,
                    "unauthorized",
                    "no key, or the wrong one; send it as Authorization: Bearer KEY, or as X-API-Key",
                    {"WWW-Authenticate": "Bearer"},
                )
                scope[EXCHANGE].problem = problem
                await respond(problem, send)
                return
        await self._app(scope, receive, send)


async def respond(problem: ApiError, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]) -> None:
    """Send a problem as the whole answer."""
    body = problem.to_json()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | problem.headers
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def shown(path: str) -> str:
    """A path for a line of the log."""
    return ascii(path)[1:-1][:120]
