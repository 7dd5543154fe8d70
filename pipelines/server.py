"""A Prefect server for as long as it is needed, where none is configured."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from fer.errors import UserError, causes
from fer.files import write_text
from pipelines import paths
from pipelines.ports import HOST, free_port, require_port
from pipelines.server_log import errors_printed

ADDRESS = paths.STATE / "prefect" / "server.url"
LOG = paths.STATE / "prefect" / "server.log"
START_SECONDS = 120
#: For a server that is said to run.
ANSWER_SECONDS = 15

#: Switches off what a server does every few seconds for deployments, workers and paused runs: with nothing to do, half
#: of its processor time. What an event starts still starts; what its absence starts may be a minute late.
NO_DEPLOYMENTS = {
    f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
    for service in ("SCHEDULER", "LATE_RUNS", "FOREMAN", "PAUSE_EXPIRATIONS", "REPOSSESSOR", "CLEANUP_RECONCILER")
} | {"PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1M"}


@contextmanager
def running_server(port: int | None = None, *, deployments: bool = True) -> Iterator[str]:
    """Yield the API's address: the configured server, this project's own if one runs already, else a new one.

    A server started here stops with the block; its runs stay in ``state/prefect`` and show again in the next one.

    Args:
        port: of a server started here; a free one by default.
        deployments: whether a server started here works off deployments.

    Raises:
        UserError: when the server does not come up, the configured one does not answer, or the port is taken.
    """
    url = get_current_settings().api.url or _own_server()
    if url:
        _reach(url)
        with _configured(url), told():
            yield url
        return
    if port:
        require_port(port, "prefect")
    port = port or free_port()
    url = f"http://{HOST}:{port}/api"
    own = {"PREFECT_API_URL": url, "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING"}
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("w") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=({} if deployments else NO_DEPLOYMENTS) | os.environ | own,
            start_new_session=True,
        )
    try:
        _wait(server, url)
        write_text(ADDRESS, url)
        with _configured(url), errors_printed(LOG), told():
            yield url
    finally:
        APILogHandler().flush()
        ADDRESS.unlink(missing_ok=True)
        _stop(server)


@contextmanager
def told() -> Iterator[None]:
    """A server that goes away or fails inside the block, as a ``UserError``; what failed before that is told first."""
    # Prefect would write to the terminal for each batch of logs that the server did not take.
    logging.raiseExceptions = False
    try:
        yield
    except Exception as error:
        found = list(causes(error))
        # A flow that fails for a reason of its own tells it to the server next, and that fails too.
        for cause in found:
            if isinstance(cause, UserError):
                raise cause from None
        if not any(isinstance(cause, httpx.TransportError | httpx.HTTPStatusError) for cause in found):
            raise
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"Prefect: its server went away or failed ({reason}); outputs of finished stages stay: check it and its "
            "disk, and run again"
        ) from error


@contextmanager
def reached_server() -> Iterator[None]:
    """The configured server, this project's own if one runs, else the one that Prefect keeps for this process alone.

    An event that is to start something, such as the monitor's alarm, is heard by the first two only.

    Raises:
        UserError: where it does not answer or start.
    """
    url = get_current_settings().api.url or _own_server()
    if url:
        _reach(url)
        with _configured(url):
            yield
        return
    from prefect.server.api.server import SubprocessASGIServer  # a second, where there is no server yet

    try:
        # The very one that Prefect's client would start at its first request.
        SubprocessASGIServer().start()
    except (RuntimeError, OSError, httpx.HTTPError) as error:
        raise UserError(f"Prefect: its server did not start ({error}); check the disk's space and the proxy") from error
    yield


def _reach(url: str) -> None:
    try:
        # Any answer will do: what a server refuses, Prefect reports.
        httpx.get(f"{url}/health", timeout=ANSWER_SECONDS)
    except httpx.HTTPError as error:
        raise UserError(
            f"Prefect: Failed to reach API at {url} ({error}); start it, or correct PREFECT_API_URL or the proxy"
        ) from error


def _own_server() -> str | None:
    """The address of this project's server, if it answers."""
    if not ADDRESS.is_file():
        return None
    url = ADDRESS.read_text()
    return url if _healthy(url) else None


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _healthy(url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise UserError(f"the Prefect server did not start: see {LOG}; or set PREFECT_API_URL to a running one")
        time.sleep(0.3)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and what it started."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@contextmanager
def _configured(url: str) -> Iterator[None]:
    """PREFECT_API_URL for this process and those it starts."""
    former = os.environ.get("PREFECT_API_URL")
    os.environ["PREFECT_API_URL"] = url
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            yield
    finally:
        if former is None:
            del os.environ["PREFECT_API_URL"]
        else:
            os.environ["PREFECT_API_URL"] = former
