"""Batches for the faces of many requests, several at the same time."""

import threading
import weakref
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from fer.inference.classifier import Classifier

#: Faces of one batch: one thread reads 32 as fast a face as 64, and everybody waits for them.
LARGEST = 32


@dataclass(eq=False)
class _Caller:
    """A thread that waits for the probabilities of its faces.

    Attributes:
        faces: uint8 ``[N, S, S]``.
        probabilities: float32 ``[N, C]``, filled by the lanes.
        begun: how many of the faces lanes have taken.
        done: how many of them were read.
        error: why not all are.
        ended: set when all were read, or the first batch has failed.
    """

    faces: np.ndarray
    probabilities: np.ndarray
    begun: int = 0
    done: int = 0
    error: BaseException | None = None
    ended: threading.Event = field(default_factory=threading.Event)


#: Faces of a batch: whose, from which on, and how many.
_Part = tuple[_Caller, int, int]


class _Queue:
    """The callers whose faces wait, and the lanes that wait for faces."""

    def __init__(self, lanes: int) -> None:
        self._changed = threading.Condition()
        self._callers: deque[_Caller] = deque()
        self._waiting = 0
        self._free = lanes
        self._closed = False

    def put(self, caller: _Caller) -> None:
        with self._changed:
            self._callers.append(caller)
            self._waiting += len(caller.faces)
            self._changed.notify_all()

    def close(self) -> None:
        """Let the lanes end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> list[_Part]:
        """The next batch of a free lane, in turn from every caller; none at the end.

        What waits is spread over all lanes that are free.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._callers or self._closed)
            room = min(LARGEST, -(-self._waiting // self._free))
            batch: list[_Part] = []
            while room and self._callers:
                caller = self._callers.popleft()
                size = min(room, len(caller.faces) - caller.begun)
                batch.append((caller, caller.begun, size))
                caller.begun += size
                room -= size
                self._waiting -= size
                if caller.begun < len(caller.faces):
                    self._callers.append(caller)
            self._free -= bool(batch)
            return batch

    def give(self, batch: list[_Part], probabilities: np.ndarray | None, error: BaseException | None) -> None:
        """What a batch came to, by a lane that is free again."""
        with self._changed:
            self._free += 1
            read = 0
            for caller, start, size in batch:
                if probabilities is None:
                    caller.error = error
                    if caller in self._callers:  # nobody waits for the rest of its faces
                        self._callers.remove(caller)
                        self._waiting -= len(caller.faces) - caller.begun
                else:
                    caller.probabilities[start : start + size] = probabilities[read : read + size]
                    read += size
                    caller.done += size
                if caller.error is not None or caller.done == len(caller.faces):
                    caller.ended.set()


class BatchingClassifier(Classifier):
    """A classifier whose callers share batches: while some run, the next ones gather.

    Each lane is a thread that runs one batch after the other. The faces of other requests are decoded on the same
    cores: several threads of one batch would wait for the one whose core is taken.

    Args:
        classifier: runs a batch on one thread.
        lanes: batches at the same time.
    """

    def __init__(self, classifier: Classifier, lanes: int) -> None:
        self.card = classifier.card
        self._classifier = classifier
        self._queue = _Queue(lanes)
        # The lanes do not refer to this object, and end with the last reference to it.
        weakref.finalize(self, self._queue.close).atexit = False
        for number in range(lanes):
            # A daemon: where the program ends, it still serves those who wait.
            threading.Thread(target=_run, args=(self._queue, classifier), name=f"lane {number}", daemon=True).start()

    def predict(self, faces: np.ndarray) -> np.ndarray:
        """As ``Classifier.predict``."""
        if len(faces) == 0 or faces.dtype != np.uint8 or faces.shape[1:] != (self.face_size, self.face_size):
            return self._classifier.predict(faces)  # nothing to read, or it says what is wrong
        caller = _Caller(faces, np.empty((len(faces), len(self.classes)), np.float32))
        self._queue.put(caller)
        caller.ended.wait()
        try:
            if caller.error is not None:
                raise caller.error
            return caller.probabilities
        finally:
            del caller  # a traceback holds this frame: with the error in it, it would hold itself


def _run(queue: _Queue, classifier: Classifier) -> None:
    """A lane's work."""
    while batch := queue.take():
        probabilities, failure = None, None
        try:
            parts = [caller.faces[start : start + size] for caller, start, size in batch]
            probabilities = classifier.predict(parts[0] if len(parts) == 1 else np.concatenate(parts))
        except BaseException as error:
            failure = error
        queue.give(batch, probabilities, failure)
        del batch, probabilities, failure  # while it waits, a lane keeps nobody's faces
