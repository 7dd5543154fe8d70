import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fer.inference.classifier import Classifier
from fer.serving.batching import LARGEST, BatchingClassifier


class Slow(Classifier):
    """A real classifier that takes its time, so that others must wait, and notes its batches."""

    def __init__(self, folder) -> None:
        self.sizes: list[int] = []
        self.at_work = threading.Lock()
        super().__init__(folder)
        self.sizes.clear()

    def predict(self, faces):
        assert self.at_work.acquire(blocking=False), "two batches at the same time"
        try:
            self.sizes.append(len(faces))
            time.sleep(0.01)
            return super().predict(faces)
        finally:
            self.at_work.release()


@pytest.fixture
def slow(model_folder):
    return Slow(model_folder)


def faces_of(number: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (number, 48, 48), dtype=np.uint8)


def test_every_thread_gets_the_probabilities_of_its_own_faces(slow, model_folder):
    batching = BatchingClassifier(slow)
    sizes = [1, 2, 3, 1, 70, 1, 64, 5, 200, 1] * 4
    given = [faces_of(size, seed) for seed, size in enumerate(sizes)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(batching.predict, given))
    classifier = Classifier(model_folder)
    for faces, probabilities in zip(given, answers, strict=True):
        np.testing.assert_allclose(probabilities, classifier.predict(faces), atol=1e-6)
    assert max(slow.sizes) <= LARGEST
    assert sum(slow.sizes) == sum(sizes)
    assert len(slow.sizes) < len(sizes), "no two shared a batch"


def test_one_alone_is_a_batch_of_its_own(slow):
    batching = BatchingClassifier(slow)
    for _ in range(3):
        assert batching.predict(faces_of(1, 0)).shape == (1, 7)
    assert slow.sizes == [1, 1, 1]
    assert batching.predict(faces_of(0, 0)).shape == (0, 7)
    assert batching.classes == slow.classes


def test_a_failure_reaches_those_of_its_batch_and_nobody_waits_for_ever(slow):
    batching = BatchingClassifier(slow)
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
