import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fer.inference.classifier import Classifier
from fer.serving.batching import LARGEST, BatchingClassifier

LANES = 2


class Slow(Classifier):
    """A real classifier that takes its time, so that others must wait, and notes its batches."""

    def __init__(self, folder) -> None:
        self.sizes: list[int] = []
        self.most_at_once = 0
        self._at_work = 0
        self._lock = threading.Lock()
        super().__init__(folder)
        self.sizes.clear()

    def predict(self, faces):
        with self._lock:
            self._at_work += 1
            self.most_at_once = max(self.most_at_once, self._at_work)
            self.sizes.append(len(faces))
        try:
            time.sleep(0.01)
            return super().predict(faces)
        finally:
            with self._lock:
                self._at_work -= 1


@pytest.fixture
def slow(model_folder):
    return Slow(model_folder)


def faces_of(number: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (number, 48, 48), dtype=np.uint8)


def test_every_thread_gets_the_probabilities_of_its_own_faces(slow, model_folder):
    batching = BatchingClassifier(slow, LANES)
    sizes = [1, 2, 3, 1, 70, 1, 64, 5, 200, 1] * 4
    given = [faces_of(size, seed) for seed, size in enumerate(sizes)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(batching.predict, given))
    classifier = Classifier(model_folder)
    for faces, probabilities in zip(given, answers, strict=True):
        np.testing.assert_allclose(probabilities, classifier.predict(faces), atol=1e-6)
    assert max(slow.sizes) <= LARGEST
    assert sum(slow.sizes) == sum(sizes)
    parts = sum(-(-size // min(LARGEST, -(-size // LANES))) for size in sizes)
    assert len(slow.sizes) < parts, "no two shared a batch"
    assert slow.most_at_once == LANES


def test_one_alone_is_a_batch_of_its_own(slow):
    batching = BatchingClassifier(slow, LANES)
    for _ in range(3):
        assert batching.predict(faces_of(1, 0)).shape == (1, 7)
    assert slow.sizes == [1, 1, 1]
    assert batching.predict(faces_of(0, 0)).shape == (0, 7)
    assert batching.classes == slow.classes


def test_many_faces_of_one_caller_are_spread_over_the_lanes(slow):
    batching = BatchingClassifier(slow, LANES)
    batching.predict(faces_of(6, 0))
    assert slow.sizes == [3, 3]
    assert slow.most_at_once == LANES


def test_the_threads_of_a_classifier_that_was_replaced_end(slow):
    batching = BatchingClassifier(slow, LANES)
    before = threading.active_count()
    batching.predict(faces_of(LANES, 0))
    assert threading.active_count() > before
    del batching
    deadline = time.monotonic() + 30
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_failure_reaches_those_of_its_batch_and_nobody_waits_for_ever(slow):
    batching = BatchingClassifier(slow, LANES)
    broken = threading.Event()

    def ask(seed: int) -> bool:
        try:
            batching.predict(faces_of(1, seed) if seed % 7 else np.zeros((1, 48, 47), np.uint8))
        except ValueError:
            broken.set()
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        answered = list(pool.map(ask, range(100), timeout=60))
    assert broken.is_set()
    assert any(answered)
    assert batching.predict(faces_of(2, 0)).shape == (2, 7)
