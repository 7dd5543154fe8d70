"""The Prefect server that a command starts for itself."""

import subprocess
from pathlib import Path

import httpx
import pytest
from prefect.settings import Settings
from typer.testing import CliRunner

from fer.errors import UserError
from pipelines import retrain, schedule, server
from pipelines.__main__ import app
from pipelines.server import NO_DEPLOYMENTS


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments of the servers that were started; none is."""
    environments: list[dict[str, str]] = []

    class Process:
        def __init__(self, command: list[str], env: dict[str, str], **_: object) -> None:
            environments.append(env)

        def poll(self) -> int:
            return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(server, "_wait", lambda process, url: None)
    return environments


def test_prefect_knows_every_setting_of_a_server_without_deployments(monkeypatch: pytest.MonkeyPatch):
    """One that it has renamed would be ignored."""
    for name, value in NO_DEPLOYMENTS.items():
        monkeypatch.setenv(name, value)
    settings = Settings().server
    for name in ("scheduler", "late_runs", "foreman", "pause_expirations", "repossessor", "cleanup_reconciler"):
        assert getattr(settings.services, name).enabled is False
    assert settings.services.triggers.enabled
    assert settings.events.proactive_granularity.total_seconds() == 60


@pytest.mark.parametrize("deployments", [True, False])
def test_a_server_works_off_deployments_where_it_is_asked_to(started, deployments):
    with server.running_server(deployments=deployments):
        pass
    (environment,) = started
    assert (environment.items() >= NO_DEPLOYMENTS.items()) is not deployments


def test_what_the_user_has_set_stays(started, monkeypatch):
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_FOREMAN_ENABLED", "true")
    with server.running_server(deployments=False):
        pass
    assert started[0]["PREFECT_SERVER_SERVICES_FOREMAN_ENABLED"] == "true"
    assert started[0]["PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED"] == "false"


@pytest.mark.parametrize(("options", "scheduler"), [([], "false"), (["--pool", "trainers"], None)])
def test_a_retrain_needs_deployments_where_a_pool_trains(started, monkeypatch, options, scheduler):
    monkeypatch.setattr(retrain, "checked_params", lambda: None)
    monkeypatch.setattr(retrain, "retrain", lambda workers, pool: None)
    done = CliRunner().invoke(app, ["retrain", *options])
    assert done.exit_code == 0, done.output
    assert started[0].get("PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED") == scheduler


def answer(status: int, enabled: bool) -> httpx.Response:
    return httpx.Response(status, json={"server": {"services": {"scheduler": {"enabled": enabled}}}})


def test_a_schedule_is_not_left_to_a_server_without_clocks(monkeypatch):
    monkeypatch.setattr(httpx, "get", lambda url, timeout: answer(200, False))
    with pytest.raises(UserError, match="http://here/api works off no schedules, as that of a running retrain; wait"):
        schedule.check_scheduler("http://here/api")


@pytest.mark.parametrize("told", [answer(200, True), answer(404, False)])
def test_a_server_with_clocks_or_that_does_not_tell_takes_a_schedule(monkeypatch, told):
    monkeypatch.setattr(httpx, "get", lambda url, timeout: told)
    schedule.check_scheduler("http://here/api")
