"""What an interrupted ``retrain`` ends, with processes in DVC's place that do as DVC does."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines import dvc_process

#: Waits, starts a stage, waits for its end, and then gives its lock back.
DVC = """
import pathlib, subprocess, sys, time
time.sleep(float(sys.argv[2]))
pathlib.Path(sys.argv[1], "lock").touch()
subprocess.run([sys.executable, "-c", sys.argv[3]])
pathlib.Path(sys.argv[1], "lock").unlink()
"""
STAGE = "import time; time.sleep(300)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(300)"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[set["subprocess.Popen[bytes]"]]:
    processes: set[subprocess.Popen[bytes]] = set()
    monkeypatch.setattr(dvc_process, "_started", processes)
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def dvc(folder: Path, waits: float, stage: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", DVC, folder, str(waits), stage], stdout=subprocess.PIPE)


def test_a_running_stage_ends_and_dvc_gives_its_lock_back(started, tmp_path):
    process = dvc(tmp_path, 0, STAGE)
    started.add(process)
    while not (stages := psutil.Process(process.pid).children()):
        time.sleep(0.05)
    dvc_process.end_stages()
    assert process.wait(0) == 0, "by itself"
    assert not (tmp_path / "lock").exists()
    assert not any(stage.is_running() for stage in stages)


def test_a_stage_that_starts_after_the_first_look_ends_too(started, tmp_path):
    process = dvc(tmp_path, 1.5, STAGE)
    started.add(process)
    begun = time.monotonic()
    dvc_process.end_stages()
    assert process.wait(0) == 0
    assert not (tmp_path / "lock").exists()
    assert time.monotonic() - begun > 1, "it got a signal while it waited"


def test_a_stage_that_does_not_end_is_killed(started, tmp_path, monkeypatch):
    monkeypatch.setattr(dvc_process, "END_SECONDS", 1)
    process = dvc(tmp_path, 0, DEAF)
    started.add(process)
    assert process.stdout
    process.stdout.readline()
    (stage,) = psutil.Process(process.pid).children()
    dvc_process.end_stages()
    assert process.wait(0) == 0
    assert not (tmp_path / "lock").exists()
    assert not stage.is_running()


def test_one_that_is_gone_already_is_no_error(started, tmp_path):
    process = dvc(tmp_path, 0, "")
    started.add(process)
    process.wait()
    dvc_process.end_stages()
