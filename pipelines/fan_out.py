"""Stale trainings on the workers of a Prefect work pool, each in a clone of its own; docs/scale.md says how."""

import contextlib
import json
import threading
import time
from functools import partial
from typing import cast
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import run_deployment
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Crashed

from fer.errors import UserError
from fer.params import load_params
from pipelines.dvc_process import own_identity, run_dvc
from pipelines.flows import network_task, task
from pipelines.lock_entries import Entry, dependencies, read_entries, write_entries
from pipelines.reporting import say
from pipelines.trainer import ENTRY

#: The stages whose outputs a training reads.
UPSTREAM = ("ingest", "validate", "recipes")
DEPLOYMENTS = "deploy/prefect.yaml"
HEARTBEAT = "prefect.flow-run.heartbeat"
#: Seconds between two heartbeats of a run: the fewest that Prefect takes.
BEATS_EVERY = 30
#: Seconds without a sign of life after which a run's machine is given up: three heartbeats; or, where the worker has
#: taken the run and not begun it, what an interpreter takes to start on a loaded machine.
SILENT = {StateType.RUNNING: 3 * BEATS_EVERY, StateType.PENDING: 300}
#: Seconds between two looks at a run.
PAUSE = 2
#: Runs of one stage, where its machine is lost.
TRIES = 2

#: One at a time changes dvc.lock here.
_taking = threading.Lock()
_submitted: set[UUID] = set()


def fan_out(stages: list[str], pool: str) -> None:
    """Run every stage on a worker of the pool; the outputs and entries in dvc.lock of each are here as it ends.

    Args:
        stages: trainings of dvc.yaml that are out of date, in the order in which they begin.
        pool: the work pool's name, and that of its deployment.

    Raises:
        UserError: after the others have ended, where one failed or lost its worker twice.
    """
    if not stages:
        return
    _submitted.clear()
    share()
    begin_mlflow_run()
    upstream = read_entries(list(UPSTREAM))
    try:
        futures = [train_elsewhere.submit(stage, pool, upstream) for stage in stages]
        for future in futures:
            future.wait()
        for future in futures:
            future.result()
    except BaseException:
        end_runs()
        raise


@task
def share() -> None:
    """Send to DVC's remote what the trainings read."""
    run_dvc("push", *UPSTREAM)


@network_task
def begin_mlflow_run() -> None:
    """Make the run in MLflow that stands for this flow run: of two machines each would make its own."""
    from fer.tracking import Tracker

    Tracker(load_params().tracking).begin_pipeline(*own_identity().values())


@partial(task, task_run_name="{stage} in {pool}")
def train_elsewhere(stage: str, pool: str, upstream: dict[str, Entry]) -> None:
    """Run one stage on a worker, once more where its machine is lost, and take the result.

    Raises:
        UserError: where it failed, or both machines were lost.
    """
    for attempt in range(1, TRIES + 1):
        run = submit(stage, pool, upstream)
        reason = follow(run)
        if reason is None:
            return take(stage, run.id)
        if attempt < TRIES:
            say(f"warning: {stage}: {reason}; another worker begins it")
    raise UserError(f"{stage}: {reason}; its worker's log says why; results of other trainings are kept, run again")


def submit(stage: str, pool: str, upstream: dict[str, Entry]) -> FlowRun:
    """Ask the pool for a stage.

    Raises:
        UserError: where the pool has no such deployment.
    """
    with _taking:
        needed = dependencies(stage)
    parameters = {"stage": stage, "upstream": upstream, "needed": needed, "identity": own_identity()}
    beats = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(BEATS_EVERY)}}
    try:
        asked = run_deployment(
            f"trainer/{pool}", parameters=parameters, timeout=0, flow_run_name=stage, job_variables=beats
        )
    except ObjectNotFound as error:
        raise UserError(
            f"Prefect: no deployment trainer/{pool}; prefect deploy --prefect-file {DEPLOYMENTS} --all makes it"
        ) from error
    run = cast(FlowRun, asked)  # a coroutine only where there is an event loop
    _submitted.add(run.id)
    return run


def follow(run: FlowRun) -> str | None:
    """Wait for a run's end; None where it completed, else why its machine is given up.

    Raises:
        UserError: where the stage itself failed, or somebody cancelled it.
    """
    sign: tuple[UUID, UUID | None] | None = None
    since = time.monotonic()
    with get_client(sync_client=True) as client:
        while True:
            try:
                state, beat = client.read_flow_run(run.id).state, last_beat(client, run.id)
            except httpx.TransportError:
                # That the server is away says nothing of the worker, which trains on.
                since = time.monotonic()
                time.sleep(PAUSE)
                continue
            assert state is not None
            if state.is_completed():
                return None
            if state.is_crashed():
                return f"its worker was lost ({state.message})"
            if state.is_final():
                raise UserError(f"{run.name}: {state.message or state.name}")
            if (state.id, beat) != sign:
                sign, since = (state.id, beat), time.monotonic()
            silent = SILENT.get(state.type)
            # By this machine's clock alone: those of others may disagree.
            if silent and time.monotonic() - since > silent:
                lost = f"no sign of life from its worker for {silent} seconds"
                client.set_flow_run_state(run.id, Crashed(message=lost), force=True)
                return lost
            time.sleep(PAUSE)


def last_beat(client: SyncPrefectClient, run: UUID) -> UUID | None:
    """The newest heartbeat of a run."""
    mine = EventFilter(
        event=EventNameFilter(name=[HEARTBEAT]), resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"])
    )
    beats = client.read_events(mine, limit=1).events
    return beats[0].id if beats else None


@network_task
def take(stage: str, run: UUID) -> None:
    """The result of a run: its entry in dvc.lock, and the files that it names."""
    with get_client(sync_client=True) as client:
        (artifact,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(
                key=ArtifactFilterKey(any_=[ENTRY]), flow_run_id=ArtifactFilterFlowRunId(any_=[run])
            )
        )
    with _taking:
        write_entries({stage: json.loads(str(artifact.data))})
        run_dvc("pull", "--force", stage)


def end_runs() -> None:
    """Ask the workers to end what they still run for this process."""
    with get_client(sync_client=True) as client:
        for run in _submitted:
            with contextlib.suppress(Exception):
                state = client.read_flow_run(run).state
                if state and not state.is_final():
                    client.set_flow_run_state(run, Cancelling())
