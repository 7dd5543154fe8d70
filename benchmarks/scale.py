"""Trainings in a work pool of one and of two machines: ``python benchmarks/scale.py [architecture ...]``.

Every machine is a clone with a worker, all on this computer; PostgreSQL, S3 (moto), MLflow and Prefect are processes.
Run by ``.venv-scale/bin/python`` (``make .venv-scale/installed``), on a quiet computer: both machines share its cores.
Prints how long ``retrain --pool`` took, and of each training how long its worker had it and how much of that was the
training itself.
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from machines import POOL, Shared, clone, deploy, origin, shared_servers, worker
from project import tiny

from pipelines.environment import prepare


def chosen(params: dict[str, Any]) -> None:
    tiny(params)
    params["train"]["architectures"] = sys.argv[1:] or params["train"]["architectures"]


def measure(folder: Path, machines: int) -> None:
    with contextlib.ExitStack() as stack:
        shared = stack.enter_context(shared_servers(folder))
        repository = origin(folder / "origin", chosen)
        asking = clone(repository, folder / "asking", shared)
        deploy(asking, shared)
        for number in range(machines):
            stack.enter_context(worker(clone(repository, folder / f"worker{number}", shared), shared))
        start = time.perf_counter()
        done = asking.run("pipelines", "retrain", "--pool", POOL, **shared.environment)
        took = time.perf_counter() - start
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        print(f"{machines} machine(s): retrain {took:.0f} s", flush=True)
        told(shared)


def told(shared: Shared) -> None:
    inner = {run["name"]: run["total_run_time"] for run in shared.runs("train")}
    for run in shared.runs("trainer"):
        training = inner[run["name"].replace("@", " ")]
        print(f"  {run['name']}: on its worker {run['total_run_time']:.0f} s, of which training {training:.0f} s")


def main() -> None:
    for machines in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), machines)


if __name__ == "__main__":
    prepare()
    main()
