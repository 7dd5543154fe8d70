"""A server or a disk that is away, a kill, damage, another retrain, a wrong clock: one line, nothing lost, and the next
run goes on.

Others have tests of their own: a killed or ended training (test_interrupted.py), a Prefect server or a source that was
never there (test_mistakes.py), a damaged registry or database (unit/delivery/test_registry.py, unit/test_store.py), a
promotion or rollback cut off anywhere (there, and unit/pipelines/test_rollback_command.py), a damaged Bento
(unit/delivery/test_bento.py), a damaged model below a running service (serving/test_swap.py).
"""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
from filelock import FileLock
from project import SECONDS, Project, clean_environment, json_of, kill, prefect_environment, prefect_server, wait_for

from pipelines.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

OUTPUTS = ("data", "models", "distilled", "reports", "champion")
#: Where MLflow's database notes times, in milliseconds.
CLOCKS = {
    "runs": ("start_time", "end_time"),
    "metrics": ("timestamp",),
    "logged_models": ("creation_timestamp_ms", "last_updated_timestamp_ms"),
    "model_versions": ("creation_time", "last_updated_time"),
    "registered_models": ("creation_time", "last_updated_time"),
    "experiments": ("creation_time", "last_update_time"),
}
#: With latency and times, which no two runs write alike.
MEASURED = {"reports/compare/comparison.csv", "reports/compare/comparison.png"}


def outputs(project: Project) -> dict[str, bytes]:
    """What the stages have written; not what a kill left beside it, which the next write clears."""
    found = project.bytes_of(*OUTPUTS)
    left = re.compile(r"/\.[^/]*(\.new|\.old)")
    return {name: content for name, content in found.items() if name not in MEASURED and not left.search(name)}


def goes_on(project: Project) -> None:
    done = project.run("pipelines", "retrain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "retrain: everything is up to date" in done.stdout
    assert project.stale() == set()


def one_line(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """The run failed, and its last line says why."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: "), done.stderr
    for word in words:
        assert word in last


def make_stale(project: Project, stage: str) -> None:
    """Let DVC run a stage again, which writes the same."""
    with (project.folder / "pipelines" / f"{stage}.py").open("a") as file:
        file.write("# edited\n")


@contextlib.contextmanager
def mlflow_server(folder: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    """MLflow's own server on the project's store."""
    command = ["mlflow", "server", "--backend-store-uri", "sqlite:///state/mlflow.db", "--port", str(port)]
    command += ["--artifacts-destination", str(folder / "state/mlartifacts"), "--workers", "1"]
    with (folder / "state/server.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=clean_environment(),
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5, verify=False).is_success
        except httpx.HTTPError:
            return False

    try:
        wait_for(answers, pause=0.5)
        yield process
    finally:
        kill(process)


def test_the_tracking_server_away_during_and_after_a_training(copy_with_stores):
    project, port = copy_with_stores, free_port()
    # Once more at once would be waited for, by MLflow and by each task.
    url = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    project.edit(lambda params: params["architectures"]["baseline"]["quick"].update(epochs=6))
    assert project.run("pipelines", "recipes").returncode == 0
    before = outputs(project)
    with (
        mlflow_server(project.folder, port) as server,
        project.start("pipelines", "train", "baseline", **url) as process,
    ):
        progress = project.folder / "state/checkpoints"
        wait_for(lambda: list(progress.glob("baseline-*/progress.json")) or process.poll() is not None)
        kill(server)
        stdout, stderr = process.communicate(timeout=SECONDS)
    one_line(subprocess.CompletedProcess([], process.returncode, stdout, stderr), "MLflow at http://127.0.0.1")
    (checkpoint,) = progress.glob("baseline-*/progress.json")
    finished = json_of(checkpoint)["epochs"]
    assert project.bytes_of("models/baseline").items() <= before.items()

    with mlflow_server(project.folder, port):
        done = project.run("pipelines", "train", "baseline", **url)
    assert done.returncode == 0, done.stdout + done.stderr
    epochs = [int(epoch) for epoch in re.findall(r"^baseline: epoch (\d+)/", done.stdout, re.MULTILINE)]
    assert epochs == list(range(finished + 1, 7))

    before = outputs(project)
    one_line(project.run("pipelines", "promote", **url), "MLflow at http://127.0.0.1")
    assert outputs(project) == before


def test_prefects_server_away_during_a_stage(copy_with_stores, prefect_home, tmp_path):
    project, home = copy_with_stores, tmp_path / "home"
    shutil.copytree(prefect_home, home)
    before, environment = outputs(project), prefect_environment(home)
    make_stale(project, "explore")
    with (
        prefect_server(home, environment) as url,
        replace(project, prefect=url).start("pipelines", "retrain", PREFECT_CLIENT_MAX_RETRIES="1") as process,
    ):
        reports = project.folder / "reports"
        wait_for(lambda: any(reports.glob(".*.new")) or process.poll() is not None, pause=0.01)
        for server in psutil.process_iter(["environ"]):
            if (server.info["environ"] or {}).get("PREFECT_HOME") == str(home):
                server.kill()
        stdout, stderr = process.communicate(timeout=SECONDS)
    one_line(subprocess.CompletedProcess([], process.returncode, stdout, stderr))
    assert "error: Prefect: its server went away or failed" in stderr
    assert outputs(project) == before
    goes_on(project)
    assert outputs(project) == before


def test_a_second_retrain_ends_at_once_and_the_first_goes_on(copy_with_stores):
    with FileLock(copy_with_stores.folder / "state/retrain.lock"):
        done = copy_with_stores.run("pipelines", "retrain")
    one_line(done, "retrain: another one runs in this folder; wait for its end, or end it")
    assert "Running stage" not in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path, spare: int) -> Path:
    """Leave ``spare`` bytes of a disk free; the file that takes the rest."""
    state, filler = os.statvfs(disk), disk / "filler"
    filler.write_bytes(bytes(state.f_bavail * state.f_frsize - spare))
    return filler


def test_a_full_disk(copy_with_stores, small_disk):
    project = replace(copy_with_stores, folder=small_disk / "project")
    shutil.copytree(copy_with_stores.folder, project.folder)
    before = outputs(project)
    filler = fill(small_disk, spare=50_000)
    for stage in ("ingest", "promote"):
        one_line(project.run("pipelines", stage), "No space left on device; free some disk space and run again")
    # With a Prefect server of its own, whose database is on that disk too.
    one_line(replace(project, prefect=None).run("pipelines", "retrain"))
    assert outputs(project) == before
    filler.unlink()
    goes_on(project)
    assert outputs(project) == before


def written(project: Project) -> dict[Path, int]:
    """When each file was written last, and the folders that are there."""
    found = {}
    for folder in (*OUTPUTS, "state/bentoml"):
        for path in (project.folder / folder).rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                found[path] = path.lstat().st_mtime_ns
    return found


def test_every_kind_of_stage_killed_at_its_first_file(copy_with_stores):
    project = copy_with_stores
    before = outputs(project)
    shutil.rmtree(project.folder / "state/bentoml")
    for stage in ("ingest", "validate", "recipes", "explore", "ensemble", "compare", "promote", "package"):
        start = written(project)
        with project.start("dvc", "repro", "--force", "--single-item", stage) as process:
            wait_for(lambda start=start: written(project) != start, pause=0.01)
            assert process.poll() is None, f"{stage} has ended"
            kill(process)
        assert outputs(project) == before, stage
    goes_on(project)
    assert outputs(project) == before


def test_what_is_damaged_is_written_again(copy_with_stores):
    project = copy_with_stores
    before = outputs(project)
    (model,) = (project.folder / "state/bentoml/models").rglob("model.onnx")
    for path in (project.folder / "champion/model.onnx", model):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(content)
    goes_on(project)
    assert outputs(project) == before
    assert model.read_bytes() == before["champion/model.onnx"]


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_is_wrong_by_days(copy_with_stores, days):
    """Files, runs and versions of another time than now: as if the clock had been set, or the folder came from afar."""
    project = copy_with_stores
    before = outputs(project)
    seconds = days * 24 * 60 * 60
    for path in project.folder.rglob("*"):
        if not path.is_symlink() and ".git" not in path.parts:
            time = path.stat().st_mtime + seconds
            os.utime(path, (time, time))
    with contextlib.closing(sqlite3.connect(project.folder / "state/mlflow.db")) as database, database:
        for table, columns in CLOCKS.items():
            for column in columns:
                database.execute(f"UPDATE {table} SET {column} = {column} + ?", (seconds * 1000,))
    make_stale(project, "promote")
    goes_on(project)
    assert outputs(project) == before
