"""What every command sets before a tool is imported."""

import os
from pathlib import Path

import pytest
from dvc.repo import Repo
from prefect.settings import Settings

from pipelines import environment


def test_what_dvc_reads_with_pickle_is_where_no_other_user_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """CVE-2025-69872: DVC's own place, /var/tmp/dvc, is open to every user of the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})
    environment.set_defaults()
    private = Path(environment.defaults()["DVC_SITE_CACHE_DIR"])
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(private))
    with Repo.init(no_scm=True) as repo:
        assert Path(repo.site_cache_dir).is_relative_to(private)
    assert private.stat().st_mode & 0o777 == 0o700


def test_prefect_knows_every_setting_of_a_server_without_deployments(monkeypatch: pytest.MonkeyPatch):
    """One that it has renamed would be ignored."""
    for name, value in environment.NO_DEPLOYMENTS.items():
        monkeypatch.setenv(name, value)
    server = Settings().server
    off = {name for name, service in server.services if not getattr(service, "enabled", True)}
    assert off - {"event_logger"} == {
        "scheduler",
        "late_runs",
        "foreman",
        "cancellation_cleanup",
        "pause_expirations",
        "repossessor",
        "cleanup_reconciler",
    }
    assert server.events.proactive_granularity.total_seconds() == 60
