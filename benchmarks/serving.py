"""The service against bare ONNX Runtime on the same model: ``python benchmarks/serving.py [--model FOLDER]``.

Rounds in turn, so that a noisy machine hits all alike; the ratios are what counts. Prints a table for docs/serving.md:
faces a second in batches of 64, one face alone (median, and the 99th percentile at half load), a 12-megapixel photo,
and the time from the start to the first answer.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from served import crop_file, form, load, request_bytes, serving

from fer.inference.classifier import RELEASED, Classifier
from fer.inference.image import load_image
from fer.inference.resize import to_face
from fer.serving.settings import cores

BATCH = 64


def timed(call: Callable[[], object], seconds: float) -> list[float]:
    """Milliseconds of calls, for as long as that."""
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return times


def large_photo() -> bytes:
    """12 megapixels of gradients and noise with drawn faces in it, as JPEG."""
    from fer.data.sample import draw_sample

    faces, table = draw_sample(140, 0)
    rng = np.random.default_rng(0)
    photo = cv2.resize(rng.integers(60, 200, (30, 40, 3), np.uint8), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    for number, face in enumerate(faces[table["true_emotion"] != ""][:6]):
        large = cv2.resize(face, (600, 600), interpolation=cv2.INTER_CUBIC)
        left, top = 200 + 1250 * (number % 3), 300 + 1300 * (number // 3)
        photo[top : top + 600, left : left + 600] = large[:, :, np.newaxis]
    return cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def main(model: Path, rounds: int, seconds: float) -> None:
    classifier = Classifier(model, threads=cores())
    files = [crop_file(seed) for seed in range(BATCH)]
    faces = np.stack([to_face(load_image(file)) for file in files])
    one = request_bytes("/classify", "image/png", files[0])
    many = request_bytes("/classify", *form("images", files))
    photo = request_bytes("/analyze", "image/jpeg", large_photo())
    bare, served, single, alone = [], [], [], []
    with serving("--model", str(model)) as service:

        def run(request: bytes, clients: int, rate: float | None = None):
            return asyncio.run(load(service.port, lambda _: request, seconds, clients, rate))

        run(one, 4)
        for _ in range(rounds):
            bare.append(1000 * BATCH / np.median(timed(lambda: classifier.predict(faces), seconds)))
            served.append(BATCH * run(many, 3).rate())
            single.append(np.median(timed(lambda: classifier.predict(faces[:1]), seconds)))
            alone.append(run(one, 1).quantile(0.5))
        capacity = run(one, 16).rate()
        half = run(one, 8, capacity / 2)
        whole = run(photo, 1)
        started = service.started
    print(f"| {model.name}, {cores()} cores, {rounds} rounds of {seconds:g} s | bare ONNX Runtime | over HTTP | |")
    print("| --- | --- | --- | --- |")
    ratio = np.median(np.array(served) / np.array(bare))
    print(f"| faces/s in batches of {BATCH} | {np.median(bare):.0f} | {np.median(served):.0f} | ratio {ratio:.2f} |")
    more = np.median(np.array(alone) - np.array(single))
    print(f"| one face, ms at the median | {np.median(single):.1f} | {np.median(alone):.1f} | {more:.1f} ms more |")
    print(f"| one face a request, requests/s of 16 clients | | {capacity:.0f} | |")
    spread = half.quantile(0.99) / half.quantile(0.5)
    print(
        f"| at half of that, p50 and p99 in ms | | {half.quantile(0.5):.1f} and {half.quantile(0.99):.1f} "
        f"| {spread:.1f} times, {half.statuses()} |"
    )
    print(f"| a 12-megapixel photo, ms at the median | | {whole.quantile(0.5):.0f} | {whole.statuses()} |")
    print(f"| start to ready, s | | {started:.1f} | |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=RELEASED)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement")
    given = parser.parse_args()
    main(given.model.absolute(), given.rounds, given.seconds)
