"""One batch for the faces of many requests."""

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from fer.inference.classifier import Classifier

#: Faces of one batch: more win nothing (benchmarks/serving.py), and everybody waits for them.
LARGEST = 64


@dataclass
class _Caller:
    """A thread that waits for the probabilities of its faces."""

    faces: np.ndarray
    #: Set when the probabilities are there, or when the thread shall run the next batch itself.
    woken: threading.Event = field(default_factory=threading.Event)
    probabilities: np.ndarray | None = None
    error: Exception | None = None

    @property
    def served(self) -> bool:
        """Whether there is anything to go home with."""
        return self.probabilities is not None or self.error is not None


class BatchingClassifier(Classifier):
    """A classifier whose threads share batches: while one batch runs, the next one gathers.

    A caller that finds nobody at work starts at once, so a single request waits for nothing. No two batches run at the
    same time, and so none fights for the cores.

    Args:
        classifier: runs the batches.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.card = classifier.card
        self._classifier = classifier
        self._lock = threading.Lock()
        self._queue: deque[_Caller] = deque()
        self._running = False

    def predict(self, faces: np.ndarray) -> np.ndarray:
        """As ``Classifier.predict``."""
        parts = [faces[start : start + LARGEST] for start in range(0, len(faces), LARGEST)]
        return np.concatenate([self._join(part) for part in parts]) if parts else self._classifier.predict(faces)

    def _join(self, faces: np.ndarray) -> np.ndarray:
        mine = _Caller(faces)
        with self._lock:
            self._queue.append(mine)
            leads, self._running = not self._running, True
        if not leads:
            mine.woken.wait()
        if not mine.served:  # the first of the queue, and nobody at work
            self._lead()
        if mine.error is not None:
            raise mine.error
        assert mine.probabilities is not None
        return mine.probabilities

    def _lead(self) -> None:
        """Run one batch, and hand the lead to whoever is first in the queue then."""
        with self._lock:
            batch = [self._queue.popleft()]
            size = len(batch[0].faces)
            while self._queue and size + len(self._queue[0].faces) <= LARGEST:
                batch.append(self._queue.popleft())
                size += len(batch[-1].faces)
        try:
            probabilities = self._classifier.predict(np.concatenate([caller.faces for caller in batch]))
            ends = np.cumsum([len(caller.faces) for caller in batch])[:-1]
            for caller, part in zip(batch, np.split(probabilities, ends), strict=True):
                caller.probabilities = part
        except Exception as error:
            for caller in batch:
                caller.error = error
        finally:
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._running = following is not None
            for caller in batch[1:]:
                caller.woken.set()
            if following:
                following.woken.set()
