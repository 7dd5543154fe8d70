"""What runs without being told: the deployments of prefect.yaml, worked off in this folder."""

import contextlib
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import yaml
from prefect.automations import AutomationCore, EventTrigger, Posture, SendNotification
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import BlockDocument
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from fer.errors import UserError
from pipelines.flows import REFUSED
from pipelines.monitor import ALARM
from pipelines.retrain import checked_params
from pipelines.server import ANSWER_SECONDS, running_server

#: Which deployments there are, when they run, and what starts them.
DEPLOYMENTS = Path("prefect.yaml")
#: The work pool that they name.
POOL = "fer"
#: The notification block that failures are told by, whatever its type.
BLOCK = "fer"
#: A run that is ended ends its stages first; on a loaded machine that takes a while.
END_SECONDS = 120


def _event(*names: str, hours: int = 0, flows: tuple[str, ...] = ()) -> EventTrigger:
    """Events of these names, of runs of these flows where some are named; no second one within the hours."""
    of_flows: dict[str, str | list[str]] = {}
    if flows:
        of_flows = {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}
    return EventTrigger(
        expect=set(names), match_related=of_flows, posture=Posture.Reactive, threshold=1, within=timedelta(hours=hours)
    )


#: What is told, by the name of its automation: of which events, under which subject, in which words.
TOLD = {
    "fer: a run failed": (
        _event(
            "prefect.flow-run.Failed",
            "prefect.flow-run.Crashed",
            "prefect.flow-run.TimedOut",
            flows=("retrain", "monitor"),
        ),
        "fer: {{ flow.name }} failed",
        "{{ flow_run.name }}: {{ flow_run.state.message }}\n{{ flow_run | ui_url }}",
    ),
    "fer: new models were refused": (
        _event(REFUSED),
        "fer: the new models were refused",
        "{{ event.payload.reason }}\n{{ event.payload.refusals }}",
    ),
    # As seldom as prefect.yaml lets an alarm start a retrain.
    "fer: the monitor raised an alarm": (
        _event(ALARM, hours=6),
        "fer: alarm",
        "drifted: {{ event.payload.properties | join(', ') }}; {{ event.payload.report }}",
    ),
}


def schedule() -> None:
    """Deploy what prefect.yaml says and work it off, until interrupted.

    Raises:
        UserError: for a mistake in params.yaml or prefect.yaml, or a server that does not answer or has no scheduler.
    """
    check_clocks()
    checked_params()
    with running_server() as url:
        check_scheduler(url)
        with get_client(sync_client=True) as client:
            make_pool(client)
            deploy()
            tell(client, notify_by(client))
        work()


def check_clocks() -> None:
    """That every cron expression of prefect.yaml is one, before any server starts.

    Raises:
        UserError: naming the deployment and the expression.
    """
    try:
        deployments = yaml.safe_load(DEPLOYMENTS.read_text(encoding="utf-8"))["deployments"]
        clocks = [(it["name"], clock) for it in deployments for clock in it.get("schedules") or ()]
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{DEPLOYMENTS}: not to be read ({reason}); restore it from Git") from error
    for name, clock in clocks:
        try:
            CronSchedule(cron=clock.get("cron", "* * * * *"), timezone=clock.get("timezone"))
        except ValueError as error:
            raise UserError(
                f"{DEPLOYMENTS}: {name}: {clock['cron']!r} is no cron expression; write five fields, such as "
                '"0 3 * * *"'
            ) from error


def check_scheduler(url: str) -> None:
    """That the server makes runs by the clock.

    Raises:
        UserError: where it does not, as that of a ``retrain`` that runs in this folder.
    """
    settings = httpx.get(f"{url}/admin/settings", timeout=ANSWER_SECONDS)
    # Prefect Cloud does not tell its settings, and has a scheduler.
    if settings.is_success and not settings.json()["server"]["services"]["scheduler"]["enabled"]:
        raise UserError(
            f"Prefect: the server at {url} works off no schedules, as that of a running retrain; wait for the "
            "retrain's end, or start the server with PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED=true"
        )


def make_pool(client: SyncPrefectClient) -> None:
    """The work pool, where there is none yet."""
    pool = WorkPoolCreate(
        name=POOL, type=ProcessWorker.type, base_job_template=ProcessWorker.get_default_base_job_template()
    )
    with contextlib.suppress(ObjectAlreadyExists):
        client.create_work_pool(pool)


def deploy() -> None:
    """``prefect deploy --all``.

    Raises:
        UserError: where it fails, with the last line that it wrote.
    """
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], check=False, capture_output=True, text=True
    )
    if done.returncode:
        *_, reason = (done.stdout + done.stderr).strip().splitlines() or ["no reason given"]
        raise UserError(f"{DEPLOYMENTS}: prefect deploy failed: {reason.strip()}; mend it and run again")


def notify_by(client: SyncPrefectClient) -> BlockDocument | None:
    """The notification block called ``fer`` of whatever type, or None where there is none."""
    for block in client.read_block_documents(include_secrets=False):
        if block.name == BLOCK and block.block_schema and "notify" in block.block_schema.capabilities:
            return block
    return None


def tell(client: SyncPrefectClient, block: BlockDocument | None) -> None:
    """Let the block tell of failed runs, of new models that gates refused, and of alarms; without one say so."""
    for name, (trigger, subject, body) in TOLD.items():
        for former in client.read_automations_by_name(name):
            client.delete_automation(former.id)
        if block:
            told = SendNotification(block_document_id=block.id, subject=subject, body=body)
            client.create_automation(AutomationCore(name=name, trigger=trigger, actions=[told]))
    whom = f"{block.block_type_name} {BLOCK}" if block else f"nobody: make a notification block called {BLOCK}"
    print(f"schedule: failed runs, refused models and alarms are told to {whom}", flush=True)


def work() -> None:
    """Work off the pool's runs in this folder, until interrupted."""
    # A session of its own: told twice to end, by a terminal and by us, a worker kills itself and leaves its runs.
    worker = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL],
        start_new_session=True,
    )
    try:
        worker.wait()
    finally:
        if worker.poll() is None:
            # Its runs first, which end their stages: a worker that is interrupted kills them.
            end_runs(worker.pid)
            worker.send_signal(signal.SIGINT)
            try:
                worker.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def end_runs(worker: int) -> None:
    """End the runs that a worker has started, and wait for them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        runs = psutil.Process(worker).children()
        for run in runs:
            with contextlib.suppress(psutil.NoSuchProcess):
                run.terminate()
        psutil.wait_procs(runs, timeout=END_SECONDS)
