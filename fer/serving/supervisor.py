"""The service's processes: uvicorn's supervisor around BentoML's app, without a control port."""

import contextlib
import errno
import http.client
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from fer.errors import UserError
from fer.serving.settings import PREFIX, Settings
from fer.serving.tasks import FOLDER

APPLICATION = "fer.serving.supervisor:application"
PROTOCOL = "fer.serving.connections:GuardedProtocol"
MODEL = f"{PREFIX}MODEL"
#: Seconds after which a worker that answers nothing is replaced, and at most until one that was killed is noticed.
HUNG_SECONDS = 10
#: Connections that wait to be accepted: a surplus one tries again after 1 s. asyncio accepts as many at a time, before
#: any can be refused. With 512 connections and all else it fits into the usual 1,024 files.
BACKLOG = 384
#: Files that a worker has open besides: libraries, pipes, a model, videos and their results.
OTHER_FILES = 96
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    # Of a photo with several faces BentoML's monitor warns, column by column, that it knows the column.
    "loggers": {"bentoml._internal.monitoring.base": {"level": "ERROR"}},
}


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: where the address is not this machine's, or another program listens there.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else error.strerror
        option = "--host" if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL else "--port"
        raise UserError(f"serve: cannot listen on {host} port {port} ({reason}); choose another {option}") from error


def supervise(listener: socket.socket, model: Path, settings: Settings) -> None:
    """Serve a model until SIGTERM or Ctrl-C, and let what is in flight finish; a worker that dies is replaced.

    Raises:
        UserError: where the service does not start.
    """
    _allow_files(settings.max_connections + BACKLOG + OTHER_FILES)
    os.environ[MODEL] = str(model)
    with _private_folder(settings):
        config = uvicorn.Config(
            APPLICATION,
            factory=True,
            workers=settings.worker_count,
            http=PROTOCOL,
            backlog=BACKLOG,
            log_config=LOGGING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=max(1, round(settings.header_seconds)),
            timeout_graceful_shutdown=round(settings.answer_seconds),
            timeout_worker_healthcheck=HUNG_SECONDS,
        )
        started = time.monotonic()
        threading.Thread(target=_announce, args=(listener, started), daemon=True).start()
        workers = _Workers(config, [listener])
        workers.run()
        if any(process.exitcode == STARTUP_FAILURE for process in workers.processes):
            raise UserError("serve: the service does not start; the lines above say why")
        print("serve: stopped", flush=True)


class _Workers(Multiprocess):
    """Ctrl-C is sent to every process of a terminal: workers begin deaf to it, and end when the supervisor says so."""

    def init_processes(self) -> None:
        with _without_interrupt():
            super().init_processes()

    def handle_signals(self) -> None:
        with _without_interrupt():
            super().handle_signals()

    def keep_subprocess_alive(self) -> None:
        with _without_interrupt():
            super().keep_subprocess_alive()


@contextlib.contextmanager
def _without_interrupt() -> Iterator[None]:
    """Put SIGINT off; a process that is started meanwhile does not get it at all."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # when it starts itself, it lets signals through again
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _allow_files(needed: int) -> None:
    """Let every worker open so many files; one without any left logs 30,000 lines a second (asyncio) and hears nobody.

    Raises:
        UserError: where the system does not allow it.
    """
    if resource is None:
        return
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed >= needed or allowed == resource.RLIM_INFINITY:
        return
    if needed > most != resource.RLIM_INFINITY:
        what = f"{PREFIX}MAX_CONNECTIONS={needed - BACKLOG - OTHER_FILES} takes {needed} open files"
        raise UserError(f"serve: {what}, and the system allows {most}; set fewer, or raise it (ulimit -n {needed})")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))


def application() -> Any:
    """The service as an ASGI app, in a worker."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        import bentoml

        from fer.serving.service import FerService

        # Of several workers each keeps records in a file of its own.
        bentoml.server_context.worker_index = os.getpid()
        return FerService.to_asgi()  # type: ignore[attr-defined]
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(STARTUP_FAILURE)


@contextlib.contextmanager
def _private_folder(settings: Settings) -> Iterator[None]:
    """A folder that nobody else reads, for as long as the service runs; the workers find it in their environment."""
    folder = tempfile.mkdtemp(prefix="fer-serve-")
    # Temporary files of the libraries below, too: a worker that is killed cannot remove its own.
    os.environ |= {FOLDER: folder, "TMPDIR": folder, "BENTOML_HOME": folder, "BENTOML_DO_NOT_TRACK": "True"}
    if settings.worker_count > 1:
        metrics = Path(folder) / "metrics"
        metrics.mkdir()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with(parent: int) -> None:
    """End this worker when its supervisor is gone, even by SIGKILL: the port and the folder must not outlive it."""
    while os.getppid() == parent:
        time.sleep(1)
    if folder := os.environ.get(FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(listener: socket.socket, started: float) -> None:
    """Say when the service answers."""
    host, port = listener.getsockname()[:2]
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, port, timeout=60)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                break
        time.sleep(0.1)
    print(f"serve: ready after {time.monotonic() - started:.1f} s (stop with Ctrl-C)", flush=True)
