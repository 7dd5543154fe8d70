"""A user's mistake is one line and exit code 1, through the commands that users run."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import Project, clean_environment, make_project, tiny
from videos import write_video

from pipelines import __main__ as entry

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, prefect_home: Path) -> Project:
    made = make_project(tmp_path_factory.mktemp("mistakes") / "project")
    made.edit(tiny)
    shutil.copytree(prefect_home, made.folder / "state" / "prefect")
    return made


@pytest.mark.parametrize("stage", ["ingest", "retrain"])
def test_a_prefect_server_that_is_not_there(project, stage):
    done = project.run("pipelines", stage, PREFECT_API_URL="http://127.0.0.1:1/api")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: Prefect: Failed to reach API at http://127.0.0.1:1/api")
    assert "Traceback" not in done.stderr


def test_a_proxy_is_not_asked_for_this_machines_servers(project):
    done = project.run("pipelines", "ingest", http_proxy="http://127.0.0.1:1", no_proxy="example.org")
    assert done.returncode == 0, done.stderr


def test_a_source_that_is_not_there(project, tmp_path):
    moved = Project(tmp_path / "project")
    shutil.copytree(project.folder, moved.folder)
    moved.edit(lambda params: params["data"].update(source="csv", path="data/none.csv"))
    done = moved.run("pipelines", "retrain")
    assert done.returncode == 1
    assert "error: data/none.csv: no such file or folder; correct data.path in params.yaml" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


def test_a_write_cut_short_by_a_full_disk(monkeypatch):
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(entry.environment, "prepare", lambda: None)
    monkeypatch.setattr(entry, "app", full)
    # Its answer to SIGTERM would stay: a terminated test run would go on with the next test.
    monkeypatch.setattr(entry.signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit, match=r"^error: disk: No space left on device; free some disk space and run again$"):
        entry.main()


@pytest.mark.parametrize("output", ["file/below.avi", "/proc/none/here.avi"])
def test_a_video_output_that_cannot_be(model_folder, tmp_path: Path, output: str):
    (tmp_path / "file").touch()
    write_video(tmp_path / "clip.avi", frames=2)
    command = [Path(sys.executable).with_name("fer"), "video", "clip.avi"]
    done = subprocess.run(
        [*command, "--model", model_folder, "--output", output],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (error,) = done.stderr.splitlines()
    assert error.startswith("error: ")


def test_a_misspelt_key_is_one_line_before_dvc_runs(tmp_path):
    project = make_project(tmp_path / "project")
    project.edit(lambda params: params["data"].update(pth=params["data"].pop("path")))
    done = project.run("pipelines", "retrain", "--workers", "2")
    assert done.returncode == 1
    assert "error: params.yaml: data.pth: unknown key; did you mean path?" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert "failed to parse" not in done.stdout + done.stderr
