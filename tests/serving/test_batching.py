import contextlib
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable

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
            time.sleep(0.05)
            return super().predict(faces)
        finally:
            with self._lock:
                self._at_work -= 1


@pytest.fixture
def slow(model_folder):
    return Slow(model_folder)


def faces_of(number: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (number, 48, 48), dtype=np.uint8)


def together(calls: list[Callable[[], object]]) -> list[object]:
    """What every call gives or raises, each in a thread of its own, all at once; a hang is a failure."""
    results: list[object] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = calls[number]()
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "some wait for ever"
    return results


def test_every_thread_gets_the_probabilities_of_its_own_faces(slow, model_folder):
    batching = BatchingClassifier(slow, LANES)
    sizes = [1, 2, 3, 1, 70, 1, 64, 5, 200, 1] * 4
    given = [faces_of(size, seed) for seed, size in enumerate(sizes)]
    answers = together([lambda faces=faces: batching.predict(faces) for faces in given])
    classifier = Classifier(model_folder)
    for faces, probabilities in zip(given, answers, strict=True):
        np.testing.assert_allclose(probabilities, classifier.predict(faces), atol=1e-6)
    assert max(slow.sizes) == LARGEST
    assert sum(slow.sizes) == sum(sizes)
    assert len(slow.sizes) < sum(sizes) / LARGEST + 4, "few shared a batch"
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


def test_one_face_does_not_wait_for_all_faces_of_others(slow):
    batching = BatchingClassifier(slow, LANES)
    ended = {}

    def ask(number: int) -> None:
        if number == 0:
            time.sleep(0.02)  # the others are there first
        batching.predict(faces_of(1 if number == 0 else 50 * LARGEST, number))
        ended[number] = time.monotonic()

    together([lambda number=number: ask(number) for number in range(3)])
    assert ended[0] < min(ended[1], ended[2])


def test_what_cannot_be_read_is_refused_and_spoils_nobodys_batch(slow):
    batching = BatchingClassifier(slow, LANES)
    good, bad = faces_of(1, 0), np.zeros((1, 48, 47), np.uint8)
    answers = together([lambda seed=seed: batching.predict(good if seed % 7 else bad) for seed in range(100)])
    assert all(isinstance(found, np.ndarray) == bool(seed % 7) for seed, found in enumerate(answers))


@pytest.mark.parametrize("failure", [MemoryError, SystemExit])
def test_a_failure_reaches_all_of_its_batch_and_the_next_ones_are_read(slow, monkeypatch, failure):
    batching = BatchingClassifier(slow, LANES)
    predict, calls = slow.predict, iter(range(10**6))

    def failing(faces):
        if next(calls) % 3 == 0:
            raise failure
        return predict(faces)

    monkeypatch.setattr(slow, "predict", failing)
    answers = together([lambda size=size: batching.predict(faces_of(size, size)) for size in range(1, 80)])
    assert {type(answer) for answer in answers} == {np.ndarray, failure}
    monkeypatch.undo()
    assert batching.predict(faces_of(100, 0)).shape == (100, 7)
    assert slow.most_at_once == LANES, "no lane was lost"


@pytest.mark.parametrize("fails", [False, True])
def test_of_a_classifier_that_was_replaced_nothing_stays(slow, monkeypatch, fails):
    before = threading.active_count()
    batching = BatchingClassifier(slow, LANES)
    kept = weakref.ref(batching)
    gc.disable()
    try:
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError) if fails else contextlib.nullcontext():
            if fails:
                patch.setattr(slow, "predict", lambda faces: 1 / 0)
            batching.predict(faces_of(LANES, 0))
        del batching
        assert kept() is None
    finally:
        gc.enable()
    deadline = time.monotonic() + 30
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_ends_answers_those_who_wait(model_folder):
    program = """
import sys, threading, time
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from fer.inference.classifier import Classifier
from fer.serving.batching import BatchingClassifier
batching = BatchingClassifier(Classifier(sys.argv[1]), 2)
pool = ThreadPoolExecutor(8)
for _ in range(8):
    pool.submit(lambda: sys.stdout.write(f'{len(batching.predict(np.zeros((3000, 48, 48), np.uint8)))}\\n'))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(model_folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["3000"] * 8), done.stderr
