"""The whole DAG as one flow: what ``make run`` runs, and what a schedule can run."""

import json
import subprocess
import sys

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

from fer.errors import UserError
from fer.params import load_params
from pipelines.reporting import say


@flow(task_runner=ThreadPoolTaskRunner(max_workers=8))  # type: ignore[arg-type]
def retrain(workers: int = 1) -> None:
    """Bring every stage of dvc.yaml up to date.

    DVC decides what must run. With several workers the data stages come first, then the stale architectures at the same
    time, then the rest; DVC's lock forbids two runs that share a stale stage.

    Args:
        workers: architectures trained at the same time.
    """
    if workers > 1:
        reproduce(["explore"])
        open_store()
        stale = out_of_date(load_params().train.architectures)
        for start in range(0, len(stale), workers):
            group = [train_one.submit(name) for name in stale[start : start + workers]]
            for future in group:
                future.result()
    reproduce([])
    say("retrain: everything is up to date")


@task(task_run_name="dvc repro {targets}")
def reproduce(targets: list[str]) -> None:
    """``dvc repro`` of the targets and what they depend on; of everything without targets."""
    _dvc("repro", *targets)


@task
def open_store() -> None:
    """Make the tracking store where there is none: MLflow's migrations fail when two trainings start them at once."""
    from fer.tracking import Tracker

    Tracker(load_params().tracking)


@task(task_run_name="train {architecture}")
def train_one(architecture: str) -> None:
    """``dvc repro`` of one architecture's stage alone."""
    _dvc("repro", "--single-item", f"train@{architecture}")


@task
def out_of_date(architectures: list[str]) -> list[str]:
    """The architectures whose stage DVC would run."""
    status = json.loads(
        subprocess.run([sys.executable, "-m", "dvc", "status", "--json"], check=True, capture_output=True).stdout
    )
    return [name for name in architectures if f"train@{name}" in status]


def _dvc(*arguments: str) -> None:
    """Run DVC with the interpreter of this environment, its output passed through.

    Raises:
        UserError: when DVC or a stage fails; the stage has said why.
    """
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], check=False)
    if done.returncode:
        raise UserError(
            f"dvc {' '.join(arguments)} failed: the message above says why; outputs of finished stages stay"
        )
