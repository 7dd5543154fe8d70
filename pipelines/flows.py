"""What every flow and task of this project asks of Prefect."""

import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from uuid import UUID, uuid4

import httpx
import requests
from prefect import Flow, State, Task, runtime
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.flow_engine import run_flow
from prefect.states import Pending

from fer.errors import UserError, connection_failed
from fer.pipeline_run import PIPELINE_RUN_ID
from pipelines.server import reached_server, told

#: The event by which ``promote`` says that gates refused every new model.
REFUSED = "fer.promotion.refused"

P = ParamSpec("P")
R = TypeVar("R")

#: Failed connections of downloads, registries and servers, beside the standard library's.
NETWORK = (httpx.TransportError, requests.ConnectionError, requests.Timeout)


def network_failed(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a task's failure, or one that led to it, is the network's."""
    try:
        state.result()
    except Exception as error:
        return connection_failed(error, *NETWORK)
    return False


def task(function: Callable[P, R], task_run_name: str | Callable[[], str] | None = None) -> Task[P, R]:
    """``@task``: without a cache. DVC decides what is up to date, and Prefect's would hash the data at every call."""
    return Task(function, task_run_name=task_run_name, cache_policy=NO_CACHE)


def network_task(function: Callable[P, R]) -> Task[P, R]:
    """``@network_task``: a task that downloads or talks to a server; it is run again where the network failed."""
    return task(function).with_options(retries=2, retry_delay_seconds=5, retry_condition_fn=network_failed)


@network_task
def name_run(name: str) -> None:
    """Call the present flow run by what it did."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(str(runtime.flow_run.id)), name=name)


def run(flow: Flow[..., Any], **parameters: Any) -> None:
    """Run a stage's flow; as a subflow of the ``retrain`` that started this process, where one did.

    Raises:
        UserError: where Prefect's server cannot be reached or started, goes away, refuses the subflow, or the
            environment names the ``retrain`` by no id.
    """
    with reached_server():
        try:
            flow_run = _subflow_run(flow, parameters)
        except (httpx.HTTPError, PrefectException, RuntimeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise UserError(
                f"Prefect: the flow {flow.name!r} was not entered below its retrain ({reason}); check its server"
            ) from error
        with told():
            if flow_run is None:
                flow(**parameters)
            else:
                run_flow(flow, flow_run=flow_run, parameters=parameters)


def _subflow_run(flow: Flow[..., Any], parameters: dict[str, Any]) -> FlowRun | None:
    """A new run of the flow below the ``retrain`` that this process belongs to, if the server has that."""
    identity = os.environ.get(PIPELINE_RUN_ID)
    if not identity:
        return None
    try:
        parent_id = UUID(identity)
    except ValueError as error:
        raise UserError(f"{PIPELINE_RUN_ID}: {identity!r} is no id of a flow run; unset it") from error
    with get_client(sync_client=True) as client:
        try:
            parent = client.read_flow_run(parent_id)
        except ObjectNotFound:
            return None
        # As Prefect does it for a subflow of the same process: the parent shows a task that stands for the flow.
        stand_in = client.create_task_run(
            Task(flow.fn, name=flow.name), parent.id, dynamic_key=str(uuid4()), name=flow.name, state=Pending()
        )
        return client.create_flow_run(
            flow, parameters=parameters, tags=[parent.name], parent_task_run_id=stand_in.id, state=Pending()
        )
