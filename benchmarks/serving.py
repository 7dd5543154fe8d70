"""Threads of ONNX Runtime below the service's four: ``python benchmarks/serving.py [model folder]``.

Four threads classify one face at a time, as the service does under load, and then one thread alone; with ONNX Runtime's
own number of threads and with one thread a call, in turn. Prints faces per second, the median and the 99th percentile
in ms, and the processor's ms per face. Run in the project's folder; without a folder it takes the released model.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from fer.inference.classifier import RELEASED, Classifier

ROUNDS, FACES = 3, 400


def measure(classifier: Classifier, callers: int) -> tuple[float, float, float, float]:
    face = np.random.default_rng(0).integers(0, 256, (1, 48, 48), np.uint8)

    def classify(_number: int) -> float:
        start = time.perf_counter()
        classifier.predict(face)
        return 1000 * (time.perf_counter() - start)

    start, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(callers) as pool:
        times = list(pool.map(classify, range(FACES)))
    seconds, used = time.perf_counter() - start, time.process_time() - used
    return FACES / seconds, float(np.median(times)), float(np.quantile(times, 0.99)), 1000 * used / FACES


def main(folder: Path) -> None:
    classifiers = {"its own threads": Classifier(folder), "one thread": Classifier(folder, threads=1)}
    for _ in range(ROUNDS):
        for callers in (4, 1):
            for name, classifier in classifiers.items():
                rate, median, worst, used = measure(classifier, callers)
                print(f"{callers} callers, {name}: {rate:.0f}/s, {median:.1f} ms, p99 {worst:.1f}, CPU {used:.1f} ms")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else RELEASED)
