"""A real ``fer serve`` for a test: its process, its address and its log."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
import pytest

#: Seconds; a loaded machine may need them.
READY_WITHIN = 120
FER = Path(sys.executable).with_name("fer")


@dataclass(frozen=True)
class Service:
    """A service that runs.

    Attributes:
        process: the supervisor.
        url: its address.
        log: the file with all that it wrote.
    """

    process: subprocess.Popen
    url: str
    log: Path

    def client(self, **options) -> httpx.Client:
        """Without the certificates of TLS, which nobody asks for here: to read them takes 30 ms a client."""
        return httpx.Client(base_url=self.url, timeout=60, verify=False, **options)

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def workers(self) -> list[psutil.Process]:
        """The processes that answer, not multiprocessing's own."""
        return [child for child in psutil.Process(self.process.pid).children() if "spawn_main" in command_of(child)]


def command_of(process: psutil.Process) -> str:
    """A process's command line; of one that has ended, none."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextlib.contextmanager
def serving(folder: Path, *arguments: object, cwd: Path | None = None, **settings: object) -> Iterator[Service]:
    """``fer serve`` on a free port, until the block ends; ``settings`` as ``max_bytes=1000``."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FER_SERVE_")}
    environment |= {f"FER_SERVE_{name}".upper(): str(value) for name, value in settings.items()}
    environment |= {"TMPDIR": str(temporary(folder))}
    with log.open("w") as output:
        process = subprocess.Popen(
            [FER, "serve", "--port", "0", *map(str, arguments)],
            cwd=cwd or folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Service(process, wait_until_ready(process, log), log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def temporary(folder: Path) -> Path:
    """The folder of a service's temporary files."""
    (folder / "tmp").mkdir(exist_ok=True)
    return folder / "tmp"


def wait_until_ready(process: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        text = log.read_text()
        if "ready after" in text:
            return re.search(r"http://\S+", text)[0]
        time.sleep(0.1)
    pytest.fail(f"no service after {READY_WITHIN} s:\n{log.read_text()}")


def encode(image: np.ndarray, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def noise(height: int = 48, width: int = 48, seed: int = 0) -> np.ndarray:
    """uint8 ``[height, width]``."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
