"""Batches for the faces of many requests, one on each core."""

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from fer.inference.classifier import Classifier

#: Faces of one batch: more win nothing (benchmarks/serving.py), and everybody waits for them.
LARGEST = 32


@dataclass(frozen=True)
class _Part:
    """Faces of one caller, and where it waits for their probabilities."""

    faces: np.ndarray
    probabilities: "Future[np.ndarray]" = field(default_factory=Future)


class BatchingClassifier(Classifier):
    """A classifier whose callers share batches: while some run, the next one gathers.

    A batch has a core of its own. Threads of ONNX Runtime that share one wait for each other wherever another thread
    takes their core, and the faces of other requests are decoded on the same cores. A caller that finds a free lane
    starts at once in its own thread, so a single request waits for nothing.

    Args:
        classifier: runs a batch on one thread, and several at the same time.
        lanes: batches at the same time.
    """

    def __init__(self, classifier: Classifier, lanes: int) -> None:
        self.card = classifier.card
        self._classifier = classifier
        self._lanes = self._free = lanes
        self._threads = ThreadPoolExecutor(lanes, "batch")  # they end with the last reference to it
        self._lock = threading.Lock()
        self._queue: deque[_Part] = deque()

    def predict(self, faces: np.ndarray) -> np.ndarray:
        """As ``Classifier.predict``; many faces are spread over the lanes."""
        if len(faces) == 0:
            return self._classifier.predict(faces)
        size = min(LARGEST, -(-len(faces) // self._lanes))
        parts = [_Part(faces[start : start + size]) for start in range(0, len(faces), size)]
        with self._lock:
            starting = parts[: self._free]
            self._free -= len(starting)
            self._queue.extend(parts[len(starting) :])
        for part in starting[1:]:
            self._threads.submit(self._run, [part])
        if starting:
            self._run(starting[:1])
        return np.concatenate([part.probabilities.result() for part in parts])

    def _run(self, batch: list[_Part]) -> None:
        """Run a batch, and hand the lane to the next one."""
        try:
            probabilities = self._classifier.predict(np.concatenate([part.faces for part in batch]))
            ends = np.cumsum([len(part.faces) for part in batch])[:-1]
            for part, found in zip(batch, np.split(probabilities, ends), strict=True):
                part.probabilities.set_result(found)
        except Exception as error:
            for part in batch:
                part.probabilities.set_exception(error)
        finally:
            with self._lock:
                following = self._gather()
                self._free += not following
            if following:
                self._threads.submit(self._run, following)

    def _gather(self) -> list[_Part]:
        batch: list[_Part] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].faces) <= LARGEST):
            batch.append(self._queue.popleft())
            size += len(batch[-1].faces)
        return batch
