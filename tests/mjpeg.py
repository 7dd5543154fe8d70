"""A camera in the network: JPEG pictures over HTTP, at the times of a real camera."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


@contextlib.contextmanager
def served(images: Sequence[np.ndarray], rate: float, frames: int | None = None) -> Iterator[str]:
    """Yield the address of a camera that shows ``images`` over and over, or ``frames`` of them and then ends."""
    pictures = [cv2.imencode(".jpg", image)[1].tobytes() for image in images]
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            start, shown = time.monotonic(), 0
            with contextlib.suppress(ConnectionError):
                while not closing.is_set() and (frames is None or shown < frames):
                    picture = pictures[shown % len(pictures)]
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture + b"\r\n")
                    shown += 1
                    time.sleep(max(start + shown / rate - time.monotonic(), 0))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
