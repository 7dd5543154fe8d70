"""What several machines share, as processes (PostgreSQL, S3, MLflow, Prefect), and a machine: a clone with a worker."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from project import ROOT, Project, clean_environment, make_project, prefect_process, prefect_server, wait_for

from pipelines.ports import free_port

PASSWORD = "pass-word-of-postgresql"
SECRET = "secret-key-of-s3"
BUCKET, POOL = "fer", "trainers"
POSTGRESQL = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("none"))


@dataclass(frozen=True)
class Shared:
    """The servers of several machines.

    Attributes:
        environment: how a machine reaches them.
        prefect: the API's address.
        logs: the folder of the servers' logs.
    """

    environment: dict[str, str]
    prefect: str
    logs: Path

    def ask(self, what: str, **query: Any) -> list[dict[str, Any]]:
        """What Prefect's server has of ``what``, such as ``flow_runs``."""
        return httpx.post(f"{self.prefect}/{what}/filter", json=query, timeout=60).raise_for_status().json()

    def runs(self, flow: str) -> list[dict[str, Any]]:
        return self.ask("flow_runs", flows={"name": {"any_": [flow]}})


@contextlib.contextmanager
def shared_servers(folder: Path) -> Iterator[Shared]:
    """All of them, each on a free port; ended with the block."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgresql())
        objects = f"http://127.0.0.1:{free_port()}"
        aws = {
            "AWS_ENDPOINT_URL": objects,
            "AWS_ACCESS_KEY_ID": "fer",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        stack.enter_context(server(folder, "moto.server", {}, "-p", objects.rpartition(":")[2]))
        tracking = f"http://127.0.0.1:{free_port()}"
        mlflow = {
            "MLFLOW_BACKEND_STORE_URI": f"postgresql://{database}/mlflow",
            "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKET}/mlflow",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        wait_for(lambda: answers(objects), pause=0.3)
        httpx.put(f"{objects}/{BUCKET}").raise_for_status()
        arguments = ("server", "--port", tracking.rpartition(":")[2], "--workers", "1")
        stack.enter_context(server(folder, "mlflow", mlflow | aws, *arguments))
        api = f"http://127.0.0.1:{free_port()}/api"
        environment = aws | {"MLFLOW_TRACKING_URI": tracking, "PREFECT_API_URL": api}
        prefect = clean_environment() | {
            "PREFECT_API_URL": api,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{database}/prefect",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        stack.enter_context(prefect_server(folder, prefect))
        wait_for(lambda: answers(f"{tracking}/health"), pause=0.5)
        yield Shared(environment, api, folder)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A database server with databases ``mlflow`` and ``prefect``; its address with user and password."""
    # Its user may not enter pytest's folders.
    folder, port = Path(tempfile.mkdtemp(prefix="fer-postgresql-")), str(free_port())
    words = folder / "password"
    words.write_text(PASSWORD)
    root = os.geteuid() == 0
    if root:
        for path in (folder, words):
            shutil.chown(path, "postgres", "postgres")

    def run(*command: str) -> None:
        name, *arguments = command
        user = ["runuser", "-u", "postgres", "--"] if root else []
        subprocess.run(
            [*user, str(POSTGRESQL / name), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            env=os.environ | {"PGPASSWORD": PASSWORD},
        )

    data, log = str(folder / "data"), str(folder / "log")
    run("initdb", "-D", data, "-U", "fer", "-A", "scram-sha-256", "--pwfile", str(words), "--no-sync")
    run("pg_ctl", "-D", data, "-l", log, "-w", "-o", f"-p {port} -k {folder} -c fsync=off", "start")
    try:
        for name in ("mlflow", "prefect"):
            run("createdb", "-h", "127.0.0.1", "-p", port, "-U", "fer", name)
        yield f"fer:{PASSWORD}@127.0.0.1:{port}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@contextlib.contextmanager
def server(folder: Path, module: str, environment: dict[str, str], *arguments: str) -> Iterator[None]:
    """``python -m MODULE`` with its log in ``folder``, and what it started, until the block ends."""
    with (folder / f"{module}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env=clean_environment() | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        end(process.pid)
        process.wait()


def end(pid: int) -> None:
    """A process and all that it started, at once: its machine is gone."""
    process = psutil.Process(pid)
    for member in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code < 500
    except httpx.HTTPError:
        return False


def origin(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A repository to clone: the project with these parameters and S3 as DVC's remote."""
    project = make_project(folder)
    project.edit(change)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    with (folder / ".dvc" / "config").open("a") as config:
        config.write(f"    remote = objects\n['remote \"objects\"']\n    url = s3://{BUCKET}/dvc\n")
    git = ("git", "-c", "user.name=fer", "-c", "user.email=fer@localhost")
    for arguments in (("add", "--all"), ("commit", "--quiet", "--message", "the project")):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    return folder


def clone(repository: Path, folder: Path, shared: Shared) -> Project:
    """A clone of its own on another machine."""
    subprocess.run(["git", "clone", "--quiet", str(repository), str(folder)], check=True)
    for name in ("raw", "reviewed"):
        (folder / "data" / name).mkdir(parents=True, exist_ok=True)
    return Project(folder, shared.prefect)


def deploy(project: Project, shared: Shared) -> None:
    """The pool and its deployment, by the commands of docs/scale.md."""
    for arguments in (
        ("work-pool", "create", POOL, "--type", "process"),
        ("deploy", "--prefect-file", "deploy/prefect.yaml", "--all"),
    ):
        done = project.run("prefect", "--no-prompt", *arguments, **shared.environment)
        assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def worker(project: Project, shared: Shared) -> Iterator[Path]:
    """A worker of the pool in its clone, and its log."""
    environment = clean_environment() | shared.environment | {"PREFECT_HOME": f"{project.folder}.prefect"}
    arguments = ("worker", "start", "--pool", POOL, "--limit", "1", "--name", project.folder.name)
    with prefect_process(project.folder, environment, *arguments) as log:
        yield log
