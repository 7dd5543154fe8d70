"""What a connection may cost: how many there are, how long a request's head may take, how long one may stall."""

import asyncio
import socket

import h11
from bentoml._internal.server.http import traffic
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http import auto
from uvicorn.protocols.http.h11_impl import H11Protocol

from fer.serving.problems import ApiError
from fer.serving.settings import service_settings

#: Seconds in which a client that still sends may read why it was refused.
LINGER_SECONDS = 2


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP, with limits that it does not have: silent, slow, deaf and surplus connections are closed."""

    _timer: asyncio.TimerHandle | None = None
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse a surplus connection, and expect the first request of another."""
        super().connection_made(transport)
        # asyncio sets it only where the listening socket names its protocol, and that of bind or create_server does
        # not: head and body of an answer are two packets, and the second waited 40 ms for the first to be acknowledged.
        if (connection := transport.get_extra_info("socket")) and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > service_settings().max_connections:
            transport.write(_refusal(ApiError(503, "too_many_connections", "too many connections; try again in 1 s")))
            transport.close()
            return
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_clock()
        self._lose_patience(None)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Let a client go that does not read its answer: closing alone would wait for it."""
        super().pause_writing()
        self._lose_patience(service_settings().body_seconds)

    def resume_writing(self) -> None:
        """It reads."""
        super().resume_writing()
        self._lose_patience(service_settings().body_seconds if self.transport.is_closing() else None)

    def data_received(self, data: bytes) -> None:
        """Stop the clock once a request's head is whole; its body has a clock of its own (``uploads``)."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_clock()

    def on_response_complete(self) -> None:
        """Expect the next request; from a client that still sends, none is."""
        unread = self.cycle.more_body
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()
        elif unread:
            self._unset_keepalive_if_required()
            self._stop_clock()
            self._timer = self.loop.call_later(LINGER_SECONDS, self._close)
        elif self.cycle.response_complete:
            self._expect_request()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, in the form of every error."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_refusal(ApiError(400, "bad_request", f"{msg.rstrip('.').lower()}; send HTTP/1.1")))
        self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close what idles, whether or not the client has read everything."""
        super().timeout_keep_alive_handler()
        self._close()

    def _should_upgrade(self) -> bool:
        return False  # nothing here speaks WebSocket, and uvicorn would count and limit it nowhere

    def _close(self) -> None:
        """Close once everything is written, or nobody has read it for long."""
        self.transport.close()
        self._lose_patience(service_settings().body_seconds)

    def _lose_patience(self, seconds: float | None) -> None:
        """Give the connection up after some seconds; never, for None."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _expect_request(self) -> None:
        self._stop_clock()
        self._timer = self.loop.call_later(service_settings().header_seconds, self._close)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Untimed:
    """In place of BentoML's limit of time: bodies and answers have clocks of their own (``uploads``, ``engine``).

    BentoML's clock is not stopped by the answer. It kept what belongs to a request for minutes, and Python's search of
    all that for garbage held requests up by 200 ms.
    """

    def __init__(self, app: ASGIApp, timeout: float) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        await self._app(scope, receive, send)


def guard_connections() -> None:
    """Make BentoML, which takes neither, serve by ``GuardedProtocol`` and ``Untimed`` in this process."""
    auto.AutoHTTPProtocol = GuardedProtocol
    traffic.TimeoutMiddleware = Untimed


def _refusal(error: ApiError) -> bytes:
    """A whole answer, for a connection that is closed after it."""
    body = error.to_json()
    phrase = {400: "Bad Request", 503: "Service Unavailable"}[error.status]
    head = f"HTTP/1.1 {error.status} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Retry-After: 1\r\nConnection: close\r\n\r\n".encode() + body
