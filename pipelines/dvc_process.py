"""DVC as a process of this environment, and its end with the stages that it runs."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

import psutil
from prefect import runtime

from fer.errors import UserError
from fer.pipeline_run import PIPELINE_RUN, PIPELINE_RUN_ID

#: Several at once share a lock, for which DVC waits three seconds by default: too short on a busy machine.
DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")
#: For a stage that was told to end, and for DVC after it; a loaded machine needs tens of seconds.
END_SECONDS = 60

#: DVC as this process runs it, several at a time.
_started: set[subprocess.Popen[bytes]] = set()


def run_dvc(*arguments: str, identity: dict[str, str] | None = None) -> None:
    """Run DVC with the interpreter of this environment, its output passed through.

    Args:
        arguments: the words after ``dvc``.
        identity: of the pipeline's run that its stages belong to; by default this flow run.

    Raises:
        UserError: when DVC or a stage fails; the stage has said why.
    """
    # Not subprocess.run, which kills DVC when interrupted, and DVC's locks would stay.
    dvc = subprocess.Popen([*DVC, *arguments], env=os.environ | (identity or own_identity()))
    _started.add(dvc)
    failed = dvc.wait()
    _started.remove(dvc)
    if failed:
        raise UserError(
            f"dvc {' '.join(arguments)} failed: the message above says why; outputs of finished stages stay"
        )


def own_identity() -> dict[str, str]:
    """What tells the stages which run of the pipeline they belong to."""
    return {PIPELINE_RUN: str(runtime.flow_run.name), PIPELINE_RUN_ID: str(runtime.flow_run.id)}


def end_stages() -> None:
    """End the stages that DVC runs at this moment; it gives back its locks and ends itself."""
    running = []
    for dvc in list(_started):
        with contextlib.suppress(psutil.NoSuchProcess):
            running.append(psutil.Process(dvc.pid))
    told: set[psutil.Process] = set()
    deadline = time.monotonic() + END_SECONDS
    while running and time.monotonic() < deadline:
        # Again and again: a DVC that was about to start its stage starts it after the first look.
        stages = _children(running) - told
        _end(stages, psutil.Process.terminate)
        told |= stages
        running = psutil.wait_procs(running, timeout=0.2)[1]
    _end(_children(running), psutil.Process.kill)
    _end(psutil.wait_procs(running, timeout=15)[1], psutil.Process.terminate)


def _children(processes: list[psutil.Process]) -> set[psutil.Process]:
    """All that the processes started, at any depth."""
    found: set[psutil.Process] = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= set(process.children(recursive=True))
    return found


def _end(processes: Iterable[psutil.Process], by: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        # Ctrl-C reaches every process of a terminal at once: any of them may be gone by now.
        with contextlib.suppress(psutil.NoSuchProcess):
            by(process)
