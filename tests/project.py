"""The project's own files in a folder of their own, with a tiny recipe, to run real stages in."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from dvc.repo import Repo

from pipelines.ports import free_port

ROOT = Path(__file__).parents[1]
PARTS = (
    "dvc.yaml",
    "params.yaml",
    "prefect.yaml",
    "bentofile.yaml",
    ".dvcignore",
    ".gitignore",
    "distilled/README.md",
    ".dvc/config",
)
FOLDERS = ("fer", "pipelines")
#: A hang ends here; a loaded machine may need minutes for what takes one.
SECONDS = 900
#: What the caller's own environment must not decide in a test.
FOREIGN = ("PREFECT_", "MLFLOW_", "BENTOML_", "DVC_", "GX_", "PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Project:
    """A copy of the project.

    Attributes:
        folder: of the copy.
        prefect: the API of the Prefect server that its commands use; without one they start their own.
    """

    folder: Path
    prefect: str | None = None

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change params.yaml."""
        path = self.folder / "params.yaml"
        content = yaml.safe_load(path.read_text())
        change(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """``python -m ...`` in the project, output captured."""
        with self.start(*arguments, **environment) as process:
            stdout, stderr = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    @contextlib.contextmanager
    def start(self, *arguments: str, log: Path | None = None, **environment: str) -> "Iterator[subprocess.Popen[str]]":
        """``python -m ...`` in a process group of its own, which ends with the block.

        Its output is piped; to ``log`` where it may be more than a pipe holds before anybody reads it.
        """
        # A background job ignores Ctrl-C, and so would the processes that it starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        server = {"PREFECT_API_URL": self.prefect} if self.prefect else {}
        with log.open("w") if log else contextlib.nullcontext(subprocess.PIPE) as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=self.folder,
                env=clean_environment() | server | environment,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            kill(process)

    def copy(self, folder: Path) -> "Project":
        """The project with its data, models, reports and DVC's cache, without the stores of MLflow and Prefect.

        Without ``.dvc/tmp`` too, where another process may be writing.
        """
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("state", "tmp"))
        return Project(folder)

    def stale(self) -> set[str]:
        """The stages that DVC would run: ``dvc status`` without a process of its own."""
        with contextlib.chdir(self.folder), Repo() as repo:
            return set(repo.status())

    def bytes_of(self, *folders: str) -> dict[str, bytes]:
        """Every file's content below ``folders``."""
        paths = [path for name in folders for path in (self.folder / name).rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}


def make_project(folder: Path) -> Project:
    """The working tree's project in ``folder``, a git repository of its own."""
    for part in PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, folder / part)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("raw", "reviewed"):
        (folder / "data" / name).mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return Project(folder)


def clean_environment() -> dict[str, str]:
    """This process's environment with this interpreter's ``python`` first, which dvc.yaml calls."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def prefect_environment(folder: Path) -> dict[str, str]:
    """A user's own Prefect, which keeps its files in ``folder``: the address of a server that may be started there."""
    return clean_environment() | {
        "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
    }


@contextlib.contextmanager
def prefect_process(folder: Path, environment: dict[str, str], *arguments: str) -> Iterator[Path]:
    """``prefect ...`` beside the test, with its log; ended with what it started."""
    log = folder / f"{arguments[0]}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=folder,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def prefect_server(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """A Prefect server of its own at the environment's address."""
    url = environment["PREFECT_API_URL"]

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health", timeout=5, verify=False).is_success
        except httpx.HTTPError:
            return False

    port = url.removesuffix("/api").rpartition(":")[2]
    with prefect_process(folder, environment, "server", "start", "--port", port):
        wait_for(answers, pause=0.5)
        yield url


def kill(process: "subprocess.Popen[str]") -> None:
    """End a process and all that it started at once, a Prefect server in a session of its own too."""
    processes = []
    with contextlib.suppress(psutil.NoSuchProcess):
        processes = psutil.Process(process.pid).children(recursive=True)
    # The group first: DVC, told of its stage's end before its own, would be killed while it writes its lock file.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for member in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def json_of(path: Path) -> Any:
    return json.loads(path.read_text())


def wait_for(what: Callable[[], Any], pause: float = 0.05) -> Any:
    """What ``what`` gives as soon as it gives something, asked every ``pause`` seconds.

    A server is asked less often than a file is looked at: it answers at the cost of what is waited for.
    """
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(pause)
    raise TimeoutError


def tiny(params: dict[str, Any]) -> None:
    """Two cheap architectures, one epoch, 140 drawn faces."""
    params["data"]["sample"]["images"] = 140
    params["train"]["architectures"] = ["baseline", "mini"]
    params["distill"]["students"] = ["baseline"]
    params["ablations"]["architecture"] = "baseline"
    params["architectures"]["baseline"]["quick"].update(epochs=2)
    params["architectures"]["mini"]["quick"].update(epochs=1, input_size=32)
    params["compare"]["bootstrap"] = 50
    # So short a training may end at chance, and 14 validation images tell little.
    params["promote"].update(min_skill=0.0, min_class_f1=0.0, max_calibration_error=1.0, min_robustness=0.0)
