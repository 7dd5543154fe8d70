"""What the tests of the page need: a real service, a browser with a fake camera, pictures with a face."""

import base64
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import httpx
import numpy as np
from drawn_faces import drawn_sample
from playwright.sync_api import Page

READY_WITHIN = 60  # seconds

#: Keeps what the page sends and gets, how many requests were open at once, and every breach of the page's policy.
RECORDER = """
  window.calls = []; window.open_ = 0; window.mostOpen = 0; window.violations = [];
  document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));
  const original = window.fetch;
  window.fetch = async (path, options) => {
    const image = options?.body?.get?.('images');
    if (!image) return original(path, options);
    window.open_ += 1; window.mostOpen = Math.max(window.mostOpen, window.open_);
    try {
      const call = { bytes: [...new Uint8Array(await image.arrayBuffer())] };
      const response = await original(path, options);
      if (response.ok) call.photo = (await response.clone().json())[0];
      window.calls.push(call);
      return response;
    } finally {
      window.open_ -= 1;
    }
  };
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def service(
    folder: Path, port: int, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[subprocess.Popen, str]]:
    """A real ``fer serve`` of the released model; it and all its children end with the block."""
    log = folder / "log"
    command = [Path(sys.executable).with_name("fer"), "serve", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FER_SERVE_")}
    environment |= settings
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + READY_WITHIN
        while not _ready(url):
            if time.monotonic() > deadline or process.poll() is not None:
                raise AssertionError(f"no service after {READY_WITHIN} s:\n{log.read_text()}")
            time.sleep(0.1)
        yield process, url
    finally:
        end(process)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", verify=False).status_code == 200
    except httpx.TransportError:
        return False


def end(process: subprocess.Popen) -> None:
    """Ends a process and its children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


@functools.cache
def face() -> np.ndarray:
    """A drawn face, uint8 ``[300, 300, 1]``, that every detector finds."""
    faces, _ = drawn_sample(70, 1)
    return cv2.resize(faces[5], (300, 300), interpolation=cv2.INTER_CUBIC)[..., np.newaxis]


def picture(ground: int = 170, width: int = 640, height: int = 480) -> np.ndarray:
    """The face in the middle of a plain ``[height, width, 3]`` picture."""
    pixels = np.full((height, width, 3), ground, np.uint8)
    top, left = (height - 300) // 2, (width - 300) // 2
    pixels[top : top + 300, left : left + 300] = face()
    return pixels


def jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def write_camera_clip(path: Path) -> Path:
    """What the fake camera plays: the face before a ground that is another grey in every frame.

    All are lighter than the face: from a darker ground to a lighter one the contrast turns over, which is a cut.
    """
    path.write_bytes(b"".join(jpeg(picture(ground)) for ground in range(170, 250, 5)))
    return path


def write_video(path: Path, frames: int = 8, rate: int = 10) -> Path:
    """A WebM file with the face in it."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"VP80"), rate, (640, 480))
    for number in range(frames):
        writer.write(picture(120 + 4 * number))
    writer.release()
    return path


def analyze(url: str, image: bytes) -> dict[str, Any]:
    """The service's own answer for an image."""
    response = httpx.post(f"{url}/analyze", files={"images": ("frame.jpg", image)}, timeout=30)
    assert response.status_code == 200, response.text
    return response.json()[0]


def calls(page: Page) -> list[dict[str, Any]]:
    """What the page sent to ``/analyze`` and was answered; ``bytes`` is the JPEG."""
    return [call | {"bytes": bytes(call["bytes"])} for call in json.loads(page.evaluate("JSON.stringify(calls)"))]


def drop(page: Page, files: list[tuple[str, str, bytes]]) -> None:
    """Drops files, each a name, a type and its bytes, on the page."""
    page.evaluate(
        """(files) => {
          const transfer = new DataTransfer();
          for (const [name, type, content] of files) {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], name, { type }));
          }
          document.getElementById('stage').dispatchEvent(
            new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [(name, kind, base64.b64encode(content).decode()) for name, kind, content in files],
    )
