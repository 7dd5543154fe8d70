"""The retrain flow as Prefect runs it without our entry point: by a schedule, and by a worker of a work pool."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from project import (
    SECONDS,
    Project,
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


def misspell(params: dict[str, Any]) -> None:
    params["promoted"] = params.pop("promote")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_project(tmp_path / "project")
    made.edit(tiny)
    return made


@pytest.mark.parametrize(
    ("cron", "change", "reason"),
    [
        ("* * * * x", tiny, "schedule: '* * * * x' is no cron expression; write five fields"),
        ("* * * * *", misspell, "params.yaml: promoted: unknown key; did you mean promote?"),
    ],
)
def test_a_mistake_is_one_line_before_any_server_starts(project, cron, change, reason):
    project.edit(change)
    done = project.run("pipelines", "schedule", cron)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {reason}")
    assert done.stderr.count("\n") == 1
    assert not (project.folder / "state/prefect/server.log").exists()


def test_the_schedule_starts_a_run_tells_why_it_failed_and_ends_its_server(project, prefect_home):
    shutil.copytree(prefect_home, project.folder / "state" / "prefect")
    address = project.folder / "state" / "prefect" / "server.url"
    # Two servers of one minute's schedule are more than a loaded machine needs: the first run is enough.
    with project.start("pipelines", "schedule", "* * * * *") as process:

        def deployments() -> list[dict[str, Any]]:
            assert process.poll() is None, process.communicate()
            return ask(address.read_text(), "deployments") if address.is_file() else []

        (deployment,) = wait_for(deployments, pause=1)
        # A run of seconds: its very first line fails.
        project.edit(misspell)
        url = address.read_text()
        (run, *_) = wait_for(lambda: runs_of(url, "retrain", "FAILED", "CRASHED"), pause=1)
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=SECONDS)
    assert deployment["name"] == "scheduled"
    assert [(entry["schedule"]["cron"], entry["active"]) for entry in deployment["schedules"]] == [("* * * * *", True)]
    assert run["auto_scheduled"]
    assert run["name"].startswith("retrain ")
    assert "params.yaml: promoted: unknown key; did you mean promote?" in stderr
    assert "warning: Prefect server:" not in stderr
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health", timeout=5)
    assert not address.exists()


def only_the_data(params: dict[str, Any]) -> None:
    """``validate`` fails for want of its suites, so that no training is waited for."""
    tiny(params)
    params["validate"]["suites"] = "data/none"


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
        prefect("work-pool", "create", "p", "--type", "process")
        prefect("deploy", "pipelines/retrain.py:retrain", "-n", "d", "-p", "p")
        prefect("deployment", "run", "retrain/d")
        with prefect_process(project.folder, environment, "worker", "start", "--pool", "p", "--run-once") as log:
            (parent,) = wait_for(lambda: runs_of(url, "retrain", "COMPLETED", "FAILED", "CRASHED"), pause=1)
        said = log.read_text()
        stages = ask(url, "flow_runs", flow_runs={"parent_flow_run_id": {"any_": [parent["id"]]}})
        tagged = ask(url, "flow_runs", flow_runs={"tags": {"all_": [parent["name"]]}})
    assert parent["state"]["message"].endswith(
        "UserError: dvc repro failed: the message above says why; outputs of finished stages stay"
    ), said
    assert "data/none" in said
    assert parent["name"].startswith("retrain ")
    assert {run["state_type"] for run in stages} == {"COMPLETED", "FAILED"}
    assert len(stages) == 2, "ingest, then validate, which fails"
    assert {run["id"] for run in tagged} == {run["id"] for run in stages}
    assert json.loads((project.folder / "reports/ingest.json").read_text())
    assert (project.folder / "state/bentoml").is_dir()
