"""What every command sets before a tool is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

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


def test_a_command_ends_without_looking_at_all_objects_once_more():
    """The handler that is registered before is called after."""
    code = (
        "import atexit, gc; from pipelines import environment; "
        "atexit.register(lambda: print(gc.get_freeze_count() > 0)); environment.prepare()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
