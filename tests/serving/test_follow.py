"""Another model in the folder that is served, and a challenger beside it: what must not end the one that looks."""

import json
import logging
import queue
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from onnx_models import write_model

from fer.errors import UserError
from fer.inference.classifier import Classifier
from fer.serving import follow
from fer.serving.follow import Follower, state_of
from fer.serving.shadow import FOLDER, Shadow

FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.01)


@pytest.fixture
def shadow_of(tmp_path, request):
    """A shadow whose records are the test's own."""

    def make(folder: Path) -> Shadow:
        shadow = Shadow(folder, tmp_path / "kept")
        request.addfinalizer(shadow.close)
        return shadow

    yield make
    records = logging.getLogger("fer.shadow")
    for handler in list(records.handlers):
        records.removeHandler(handler)
        handler.close()


def until(what, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def records(kept: Path) -> list[dict]:
    return [json.loads(line) for file in (kept / FOLDER).glob("*") for line in file.open()]


@pytest.mark.parametrize("fault", [RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT"), MemoryError()])
def test_a_model_that_fails_in_another_way_than_ours_does_not_end_the_looking(tmp_path, caplog, fault):
    """The defect: the thread died of it, and no later model was taken up."""
    folder, faults, taken = write_model(tmp_path / "champion"), [fault], []

    def load(folder: Path) -> str:
        if faults:
            raise faults.pop()
        return "a model"

    follower = Follower(folder, None, load, lambda model: taken.append(model) or model)
    until(lambda: not faults)
    until(lambda: "not taken up, the former one goes on" in caplog.text)
    assert taken == []
    write_model(folder, seed=1)
    until(lambda: taken == ["a model"])
    follower.close()


def test_a_folder_that_is_replaced_while_it_is_read_is_no_damaged_model(tmp_path, caplog):
    """The defect: card of one and network of the other were logged as damage, though the next look was well."""
    folder, taken, reads = write_model(tmp_path / "champion"), [], []

    def load(folder: Path) -> int:
        reads.append(1)
        if len(reads) == 1:
            write_model(folder, seed=1)
            raise UserError("not the model that card.json describes (sha256 differs)")
        return len(reads)

    follower = Follower(folder, None, load, lambda model: taken.append(model) or "it")
    until(lambda: taken == [2])
    follower.close()
    assert "not taken up" not in caplog.text


def test_a_service_starts_without_a_challenger_and_takes_the_one_that_comes(tmp_path, shadow_of):
    """The defect: it could not be started again once ``promote`` had found that nobody waits."""
    champion = Classifier(write_model(tmp_path / "champion"))
    shadow = shadow_of(tmp_path / "challenger")
    shadowed = shadow.beside(champion)
    np.testing.assert_array_equal(shadowed.predict(FACES), champion.predict(FACES))
    fresh = write_model(tmp_path / "fresh", seed=1)
    shutil.move(fresh, tmp_path / "challenger")

    def recorded() -> bool:
        shadowed.predict(FACES)
        return len(records(tmp_path / "kept")) > 0

    until(recorded)


def test_a_worker_that_is_started_again_beside_a_damaged_challenger_serves(tmp_path, caplog, shadow_of):
    champion = Classifier(write_model(tmp_path / "champion"))
    (write_model(tmp_path / "challenger") / "model.onnx").write_bytes(b"damaged")
    shadowed = shadow_of(tmp_path / "challenger").beside(champion)
    np.testing.assert_array_equal(shadowed.predict(FACES), champion.predict(FACES))
    assert "no challenger: " in caplog.text


def test_a_challenger_that_cannot_read_these_faces_is_said_once_and_set_aside(tmp_path, caplog, shadow_of):
    """The defect: a traceback in the log for every batch."""
    champion = Classifier(write_model(tmp_path / "champion"))
    shadowed = shadow_of(write_model(tmp_path / "challenger", size=64)).beside(champion)
    for _ in range(5):
        np.testing.assert_array_equal(shadowed.predict(FACES), champion.predict(FACES))
        time.sleep(0.02)
    until(lambda: "reads no more until another one is there" in caplog.text)
    assert caplog.text.count("reads no more") == 1
    write_model(tmp_path / "challenger", seed=2)

    def recorded() -> bool:
        shadowed.predict(FACES)
        return len(records(tmp_path / "kept")) > 0

    until(recorded)


def test_it_ends_although_its_thread_takes_the_last_batch_meanwhile(tmp_path, monkeypatch, shadow_of):
    """The defect: ``queue.Empty`` out of ``close``, and the service's own end was not reached."""
    shadow = shadow_of(write_model(tmp_path / "challenger", seed=1))
    # What the thread that closes saw the instant before.
    monkeypatch.setattr(queue.Queue, "empty", lambda self: False)
    shadow.close()
    until(lambda: not any(thread.name == "shadow" for thread in threading.enumerate()))


def test_the_folder_of_a_model_has_another_state_after_each_change(tmp_path):
    folder = write_model(tmp_path / "champion")
    before = state_of(folder)
    assert state_of(folder) == before
    write_model(folder, seed=1)
    assert state_of(folder) != before
    shutil.rmtree(folder)
    assert state_of(folder) is None
