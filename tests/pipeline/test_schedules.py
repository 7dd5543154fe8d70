"""The retrain flow as Prefect runs it without our entry point: by a schedule, and by a worker of a work pool."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from project import (
    SECONDS,
    Project,
    clean_environment,
    make_project,
    prefect_environment,
    prefect_process,
    prefect_server,
    tiny,
    wait_for,
)

pytestmark = pytest.mark.slow


def ask(url: str, what: str, **query: Any) -> list[dict[str, Any]]:
    return httpx.post(f"{url}/{what}/filter", json=query, timeout=60).raise_for_status().json()


def runs_of(url: str, flow: str, *states: str) -> list[dict[str, Any]]:
    """Flow runs of a flow in one of the states; in any without."""
    runs = ask(url, "flow_runs", flows={"name": {"any_": [flow]}})
    return [run for run in runs if not states or run["state_type"] in states]


def has_worker(url: str) -> bool:
    """Whether a worker asks for the runs of the pool ``fer``; the pool itself may not be there yet."""
    answer = httpx.post(f"{url}/work_pools/fer/workers/filter", json={}, timeout=60)
    return answer.is_success and bool(answer.json())


def misspell(params: dict[str, Any]) -> None:
    params["promoted"] = params.pop("promote")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_project(tmp_path / "project")
    made.edit(tiny)
    return made


def test_a_mistake_is_one_line_before_any_server_starts(project):
    path = project.folder / "prefect.yaml"
    path.write_text(path.read_text().replace("0 3 * * *", "* * * * x"))
    done = project.run("pipelines", "schedule")
    assert done.returncode == 1
    assert done.stderr.startswith("error: prefect.yaml: retrain: '* * * * x' is no cron expression; write five fields")
    assert done.stderr.count("\n") == 1
    assert not (project.folder / "state/prefect/server.log").exists()


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """An address, and what was posted to it."""
    posted: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not to the test's output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", posted
        finally:
            server.shutdown()


def python(project: Project, code: str) -> None:
    """Some lines by hand, in the project's environment, with its Prefect server where it has one."""
    server = {"PREFECT_API_URL": project.prefect} if project.prefect else {}
    done = subprocess.run(
        [sys.executable, "-c", f"from pipelines.environment import set_defaults\nset_defaults()\n{code}"],
        cwd=project.folder,
        env=clean_environment() | server,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


#: What ``schedule`` does before it works off what is due.
MAKE = """
from prefect.client.orchestration import get_client
from pipelines import schedule

with get_client(sync_client=True) as client:
    schedule.make_pool(client)
    schedule.deploy()
    schedule.tell(client, schedule.notify_by(client))
"""

#: As ``python -m pipelines monitor`` raises it, ten times.
STORM = """
from prefect import flow
from prefect.events import emit_event
from pipelines.flows import run
from pipelines.monitor import ALARM

@flow
def alarms():
    for number in range(10):
        told = {"properties": ["brightness", "contrast"], "report": "state/watch/report.html"}
        emit_event(ALARM, resource={"prefect.resource.id": f"fer.champion.{number}"}, payload=told)

run(alarms)
"""

BLOCK = """
from prefect.blocks.notifications import CustomWebhookNotificationBlock
CustomWebhookNotificationBlock(name="fer", url="URL", json_data={"said": "{{subject}}: {{body}}"}).save("fer")
"""


@pytest.fixture
def prefect(tmp_path: Path, prefect_home: Path) -> Iterator[str]:
    """A server of its own: an alarm of another file's would start what is deployed here."""
    home = shutil.copytree(prefect_home, tmp_path / "home")
    with prefect_server(home, prefect_environment(home)) as url:
        yield url


def test_pool_deployments_and_automations_are_made(project, prefect):
    there = replace(project, prefect=prefect)
    python(there, BLOCK.replace("URL", "http://127.0.0.1:9"))
    python(there, MAKE)
    assert [pool["name"] for pool in ask(prefect, "work_pools")] == ["fer"]
    deployments = {it["name"]: it["schedules"][0]["schedule"]["cron"] for it in ask(prefect, "deployments")}
    assert deployments == {"retrain": "0 3 * * *", "monitor": "15 * * * *"}
    automations = {it["name"]: it["actions"][0]["type"] for it in ask(prefect, "automations")}
    told = {"fer: a run failed", "fer: new models were refused", "fer: the monitor raised an alarm"}
    assert {name for name, action in automations.items() if action == "send-notification"} == told
    assert "run-deployment" in automations.values(), "an alarm starts a retrain"


@pytest.mark.nightly
def test_ten_alarms_start_one_run_whose_failure_is_told_and_an_interrupt_ends_everything(project, prefect_home):
    shutil.copytree(prefect_home, project.folder / "state" / "prefect")
    address = project.folder / "state" / "prefect" / "server.url"
    with listening() as (webhook, posted):
        python(project, BLOCK.replace("URL", webhook))
        with project.start("pipelines", "schedule", PREFECT_WORKER_QUERY_SECONDS="1") as process:

            def works() -> bool:
                assert process.poll() is None, process.communicate()
                return address.is_file() and has_worker(address.read_text())

            wait_for(works, pause=1)
            url = address.read_text()
            deployments = {it["name"]: it for it in ask(url, "deployments")}
            # A run of seconds: its very first line fails.
            project.edit(misspell)
            python(project, STORM)
            (run,) = wait_for(lambda: runs_of(url, "retrain", "FAILED", "CRASHED"), pause=1)
            wait_for(lambda: len(posted) > 1, pause=0.2)
            started = [run for run in runs_of(url, "retrain") if not run["auto_scheduled"]]
            clocks = {it["name"]: it["schedules"][0]["schedule"]["cron"] for it in deployments.values()}
            os.kill(process.pid, signal.SIGINT)
            stdout, stderr = process.communicate(timeout=SECONDS)
    assert clocks == {"retrain": "0 3 * * *", "monitor": "15 * * * *"}
    assert {run["state_type"] for run in started} == {"FAILED"}, "no other run was started, or is still to start"
    assert len(started) == 1
    assert run["name"].startswith("retrain ")
    reason = "params.yaml: promoted: unknown key; did you mean promote?"
    assert reason in stderr
    alarm, failure = sorted(json.loads(text)["said"] for text in posted)
    assert alarm == "fer: alarm: drifted: brightness, contrast; state/watch/report.html"
    assert failure.startswith("fer: retrain failed: retrain ")
    assert reason in failure
    assert "told to Custom Webhook fer" in stdout
    assert "warning: Prefect server:" not in stderr
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health", timeout=5)
    assert not address.exists()


def only_the_data(params: dict[str, Any]) -> None:
    """``validate`` fails for want of its suites, so that no training is waited for."""
    tiny(params)
    params["validate"]["suites"] = "data/none"


@pytest.mark.nightly
def test_a_worker_of_a_work_pool_runs_the_deployed_flow_and_its_stages_are_its_subflows(tmp_path, prefect_home):
    project = make_project(tmp_path / "project")
    project.edit(only_the_data)
    # A user's own server: nothing of this project's environment, no PREFECT_HOME within it.
    environment = prefect_environment(shutil.copytree(prefect_home, tmp_path / "home"))

    def prefect(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=project.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    with prefect_server(project.folder, environment) as url:
        prefect("work-pool", "create", "fer", "--type", "process")
        prefect("deploy", "--name", "retrain")
        prefect("deployment", "run", "retrain/retrain")
        with prefect_process(project.folder, environment, "worker", "start", "--pool", "fer", "--run-once") as log:
            (parent,) = wait_for(lambda: runs_of(url, "retrain", "COMPLETED", "FAILED", "CRASHED"), pause=1)
        said = log.read_text()
        stages = ask(url, "flow_runs", flow_runs={"parent_flow_run_id": {"any_": [parent["id"]]}})
        tagged = ask(url, "flow_runs", flow_runs={"tags": {"all_": [parent["name"]]}})
    assert parent["state"]["message"].endswith(
        "UserError: dvc repro failed: the message above says why; outputs of finished stages stay"
    ), said
    assert "data/none" in said
    assert parent["name"].startswith("retrain ")
    assert {run["name"]: run["state_type"] for run in stages} == {"ingest": "COMPLETED", "validate": "FAILED"}
    assert {run["id"] for run in tagged} == {run["id"] for run in stages}
    assert json.loads((project.folder / "reports/ingest.json").read_text())
    assert (project.folder / "state/bentoml").is_dir()
