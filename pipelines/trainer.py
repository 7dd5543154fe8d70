"""One stage on another machine: what a worker of a Prefect work pool runs in its own clone (docs/scale.md)."""

import socket
from functools import partial
from typing import Any

from prefect import flow
from prefect.artifacts import Artifact

from fer.errors import UserError
from pipelines.dvc_process import end_stages, run_dvc
from pipelines.environment import set_defaults
from pipelines.flows import task
from pipelines.lock_entries import Entry, dependencies, read_entries, write_entries
from pipelines.reporting import say

#: Of the Prefect artifact by which a stage's entry in dvc.lock returns.
ENTRY = "dvc-lock-entry"


@flow(name="trainer")
def trainer(stage: str, upstream: dict[str, Any], needed: dict[str, str], identity: dict[str, str]) -> None:
    """Run one stage on the outputs of another clone, and send its own outputs to DVC's remote.

    Args:
        stage: its name in dvc.yaml, such as ``train@baseline``.
        upstream: the entries in dvc.lock of the stages that it reads from.
        needed: the hash of every file that it reads, in the clone that asks.
        identity: environment variables that name the ``retrain`` that it belongs to.

    Raises:
        UserError: where this clone's code is another, or DVC or the stage fails.
    """
    set_defaults()
    try:
        fetch(upstream)
        check_same(stage, needed)
        say(f"{stage}: on {socket.gethostname()}")
        reproduce(stage, identity)
        send(stage)
        Artifact(type="json", key=ENTRY, description=stage, data=read_entries([stage])[stage]).create()
    except BaseException:
        end_stages()
        raise


@task
def fetch(upstream: dict[str, Entry]) -> None:
    """The outputs of the stages before, in place of what lies here."""
    write_entries(upstream)
    run_dvc("pull", "--force", *upstream)


@task
def check_same(stage: str, needed: dict[str, str]) -> None:
    """That the stage reads the same files here as where it was asked for.

    Raises:
        UserError: naming a file that differs.
    """
    here = dependencies(stage)
    for path in sorted(needed.keys() | here.keys()):
        if needed.get(path) != here.get(path):
            raise UserError(
                f"{stage}: {path} on {socket.gethostname()} is not that of the clone that runs retrain; "
                "bring both to the same commit"
            )


@partial(task, task_run_name="{stage}")
def reproduce(stage: str, identity: dict[str, str]) -> None:
    """``dvc repro`` of the stage alone, below the ``retrain`` that asked for it."""
    run_dvc("repro", "--single-item", stage, identity=identity)


@task
def send(stage: str) -> None:
    """The stage's outputs to DVC's remote."""
    run_dvc("push", stage)
