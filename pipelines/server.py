"""A Prefect server for as long as it is needed, where none is configured."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from fer.errors import UserError
from fer.files import write_text
from pipelines import paths

ADDRESS = paths.STATE / "prefect" / "server.url"
START_SECONDS = 120


@contextmanager
def running_server(port: int | None = None) -> Iterator[str]:
    """Yield the API's address: the configured server, this project's own if one runs already, else a new one.

    A server started here stops with the block; its runs stay in ``state/prefect`` and show again in the next one.

    Args:
        port: of a server started here; a free one by default.

    Raises:
        UserError: when the server does not come up.
    """
    url = get_current_settings().api.url or _own_server()
    if url:
        with _configured(url):
            yield url
        return
    port = port or _free_port()
    url = f"http://127.0.0.1:{port}/api"
    log = paths.STATE / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PREFECT_API_URL": url},
            start_new_session=True,
        )
    try:
        _wait(server, url, log)
        write_text(ADDRESS, url)
        with _configured(url):
            yield url
    finally:
        APILogHandler().flush()
        ADDRESS.unlink(missing_ok=True)
        _stop(server)


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


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _healthy(url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise UserError(f"the Prefect server did not start: see {log}; or set PREFECT_API_URL to a running one")
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
