"""``fer webcam`` on a video that plays as a camera in the network: ``python benchmarks/webcam.py [VIDEO]``.

The video is shown over HTTP as JPEG pictures of 640x480, 30 a second, over and over; without one, a drawn face moves.
``fer webcam`` reads it for 20 s in a process of its own, without a window, and writes the annotated video. Prints
frames per second, how many frames were passed over, the processor's ms per frame once it runs, and how much later the
last frames are told than the first: a queue would make that grow.
"""

import csv
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import Process, Queue
from pathlib import Path

import cv2
import numpy as np
import psutil

SECONDS, RATE, SIZE = 20, 30, (640, 480)
#: Pictures kept of the video.
PICTURES = 300


def pictures(source: str | None) -> Iterator[np.ndarray]:
    if source is None:
        from scenes import scene  # beside mjpeg

        for at in range(60):
            yield scene({0: (150 + 4 * min(at, 60 - at), 140, 160, 160)})
        return
    capture = cv2.VideoCapture(source)
    for _ in range(PICTURES):
        ok, image = capture.read()
        if not ok:
            return
        yield cv2.resize(image, SIZE)


def show(source: str | None, address: "Queue[str]") -> None:
    """Be the camera, until the process is ended."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from mjpeg import served

    with served(list(pictures(source)), RATE) as url:
        address.put(url)
        time.sleep(3600)


def main(source: str | None) -> None:
    address: Queue[str] = Queue()
    camera = Process(target=show, args=(source, address), daemon=True)
    camera.start()
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).with_name("fer"), "webcam", address.get(), "--no-display", "--csv"]
        options = ["--output", str(Path(folder) / "out.mp4")]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        watched = psutil.Process(process.pid)
        told: dict[int, tuple[float, float]] = {}
        start, before, used = 0.0, 0.0, 0.0
        for row in csv.DictReader(process.stdout):
            now = time.monotonic()
            if not told:
                start, before = now, processor_seconds(watched)
            told.setdefault(int(row["frame"]), (float(row["time"]), now))
            if now - start > SECONDS and not used:
                used = processor_seconds(watched) - before
                frames, seconds = len(told) - 1, now - start
                process.send_signal(signal.SIGINT)
        errors = process.communicate()[1]
    camera.terminate()
    print(errors.strip())
    late = np.array([now - taken for taken, now in told.values()])
    shown, each = max(told) - min(told) + 1, 1000 * used / frames
    print(
        f"{frames / seconds:.1f} frames a second; of {shown} frames of the camera {shown - len(told)} were passed over"
    )
    print(f"{each:.1f} ms of processor per frame, {each * frames / seconds / 20:.0f} % of two cores")
    print(f"later at the end than at the start: {1000 * (late[-15:].mean() - late[:15].mean()):.0f} ms")


def processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else None)
