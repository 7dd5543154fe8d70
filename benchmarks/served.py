"""What the benchmarks of the service share: a service of its own on the loopback, and a plain HTTP client."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import psutil

FER = Path(sys.executable).with_name("fer")
KIND = {".jpg": "image/jpeg", ".png": "image/png"}


@dataclass(frozen=True)
class Served:
    """A service that runs: its supervisor, its port, its temporary folder, and how long it took to start."""

    process: psutil.Process
    port: int
    folder: Path
    started: float

    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> float:
        """MB of all processes, what they share counted once (proportional set size)."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total / 1e6

    def workers(self) -> list[psutil.Process]:
        return [child for child in self.process.children() if "spawn_main" in " ".join(child.cmdline())]

    def files(self) -> set[Path]:
        return {path for path in self.folder.rglob("*") if path.is_file() and "fer-videos" not in path.parts}


@contextlib.contextmanager
def serving(*arguments: str, **settings: object) -> Iterator[Served]:
    """``fer serve`` on a free port; ``settings`` as ``max_bytes=1000``."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as output:
        environment = os.environ | {"TMPDIR": folder}
        environment |= {f"FER_SERVE_{name}".upper(): str(value) for name, value in settings.items()}
        begin = time.perf_counter()
        process = subprocess.Popen(
            [FER, "serve", "--port", "0", *arguments], env=environment, cwd=folder, stdout=output, stderr=output
        )
        try:
            log = Path(folder) / "log"
            while "ready after" not in log.read_text():
                if process.poll() is not None:
                    raise SystemExit(log.read_text())
                time.sleep(0.02)
            started = time.perf_counter() - begin
            port = int(re.search(r"http://\S+:(\d+)", log.read_text())[1])
            yield Served(psutil.Process(process.pid), port, Path(folder), started)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(60)


def crop_file(seed: int = 0, suffix: str = ".png") -> bytes:
    image = np.random.default_rng(seed).integers(0, 256, (48, 48), np.uint8)
    return cv2.imencode(suffix, cv2.GaussianBlur(image, (5, 5), 0))[1].tobytes()


def form(name: str, files: list[bytes]) -> tuple[str, bytes]:
    """Media type and body of a form with files."""
    parts = []
    for number, data in enumerate(files):
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{number}.png"\r\n\r\n'
        parts += [head.encode(), data, b"\r\n"]
    return "multipart/form-data; boundary=b", b"".join([*parts, b"--b--\r\n"])


def request_bytes(path: str, kind: str, body: bytes, method: str = "POST") -> bytes:
    """A whole HTTP request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection:
    """A connection that is kept, and opened again where the service closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes, timeout: float = 60) -> int:
        """The answer's status; 0 where none came."""
        try:
            async with asyncio.timeout(timeout):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if b"content-length: " in head:
                    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                elif b"chunked" in head:
                    while not (await reader.readuntil(b"\r\n")).startswith(b"0"):
                        pass
                    await reader.readuntil(b"\r\n")
                if b"connection: close" in head:
                    self.close()
                return int(head.split(b" ", 2)[1])
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, IndexError, ValueError):
            self.close()
            return 0

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


@dataclass
class Load:
    """What a load came to: seconds of every answer, by status, and when it ended (seconds since the start)."""

    seconds: float = 0.0
    times: dict[int, list[float]] = field(default_factory=dict)

    def count(self, status: int) -> int:
        return len(self.times.get(status, []))

    def rate(self, status: int = 200) -> float:
        return self.count(status) / self.seconds

    def quantile(self, share: float, status: int = 200) -> float:
        """Milliseconds."""
        times = self.times.get(status)
        return 1000 * float(np.quantile(times, share)) if times else float("nan")

    def statuses(self) -> dict[int, int]:
        return {status: len(times) for status, times in sorted(self.times.items())}


async def load(
    port: int, request: Callable[[int], bytes], seconds: float, clients: int, rate: float | None = None
) -> Load:
    """``clients`` ask for ``seconds``: one request after another, or together ``rate`` a second, evenly spaced.

    With a rate a request counts from when it was due: a client that is held up delays no other's clock.
    """
    result, numbers = Load(), iter(range(10**9))
    begin = time.perf_counter()

    async def client(number: int) -> None:
        connection = Connection(port)
        due = begin + (number / rate if rate else 0)
        while (now := time.perf_counter()) < begin + seconds:
            if rate:
                if due >= begin + seconds:
                    break
                await asyncio.sleep(max(0, due - now))
            start = due if rate else now
            status = await connection.ask(request(next(numbers)))
            result.times.setdefault(status, []).append(time.perf_counter() - start)
            if rate:
                due += clients / rate
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    result.seconds = time.perf_counter() - begin
    return result
