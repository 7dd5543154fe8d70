"""The whole DAG as one flow: what ``make run`` runs, and what a schedule can run."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect import Flow, State, flow, runtime
from prefect.client.schemas.objects import FlowRun
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from fer.data.ingest import check_source
from fer.errors import UserError
from fer.params import Params, load_params
from pipelines import paths
from pipelines.dvc_process import DVC, end_stages, run_dvc
from pipelines.environment import MOST_WORKERS, set_defaults
from pipelines.fan_out import fan_out
from pipelines.flows import network_task, task
from pipelines.packaged import is_stored, is_written, packaged_tag
from pipelines.reporting import say

#: What DVC notes of the files that its running stages read and write.
RUNNING = Path(".dvc/tmp/rwlock")


def checked_params() -> Params:
    """The parameters, before anything is started: DVC would call a misspelt key a failure to parse dvc.yaml.

    Raises:
        UserError: for a mistake in params.yaml, or a source that is not there.
    """
    params = load_params()
    check_source(params.data)
    # Whatever the source: DVC stops where a dependency of ingest is missing.
    data = params.data
    needed = {"path": data.path, "votes": data.votes, "reviewed": data.reviewed, "corrections": data.corrections}
    for key, path in needed.items():
        if path is None:
            raise UserError(f"params.yaml: data.{key}: name a folder, such as data/reviewed; it may be empty")
        if not path.exists():
            raise UserError(f"{path}: no such file or folder; correct data.{key} in params.yaml")
    if params.train.start_from is None or not params.train.start_from.exists():
        raise UserError(
            f"params.yaml: train.start_from: no file {params.train.start_from or 'named'}; name a trained model's "
            "model.weights.h5, or a folder, such as data/raw, to begin anew"
        )
    return params


def run_name() -> str:
    """The flow run's name, by which its stages and their MLflow runs are found."""
    return f"retrain {datetime.now():%Y-%m-%d %H:%M:%S}"


def tell_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Print why a scheduled run failed; for any other, the entry point does."""
    if flow_run.deployment_id:
        print(f"error: {flow_run.name}: {state.message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """No other retrain runs in this folder meanwhile; the lock ends with its process, however that ends.

    Raises:
        UserError: where one runs already. DVC would refuse the second too, in the middle of its stages.
    """
    lock = FileLock(paths.RETRAIN_LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError("retrain: another one runs in this folder; wait for its end, or end it") from error
    try:
        yield
    finally:
        lock.release()


@flow(
    flow_run_name=run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=MOST_WORKERS),  # type: ignore[arg-type]
    on_failure=[tell_failure],
)
@alone()
def retrain(workers: int = 1, pool: str | None = None) -> None:
    """Bring every stage of dvc.yaml up to date.

    DVC decides what must run. With several workers, or a pool, data and recipes come first, then the stale
    architectures side by side, then the rest: DVC locks a stale stage that two runs share. Ended by a signal, it ends
    the running stages too.

    Args:
        workers: architectures trained at the same time.
        pool: a Prefect work pool whose workers train them, in place of this machine (docs/scale.md).
    """
    # A worker of a Prefect work pool starts this flow without the entry point.
    set_defaults()
    params = checked_params()
    _drop_empty_note()
    try:
        trainings = [f"train@{name}" for name in params.train.architectures]
        if pool:
            prepare()
            fan_out(out_of_date(trainings), pool)
        elif workers > 1:
            prepare()
            side_by_side(out_of_date([*trainings, "explore"]), workers)
        reproduce([])
        if not stores_are_whole():
            reproduce(["--force", "--single-item", "compare", "promote", "package"])
        end_mlflow_run("FINISHED")
    except BaseException as error:
        if not isinstance(error, UserError):
            end_stages()
        # Why it ended is what is told, not that the store could not be reached afterwards.
        with contextlib.suppress(UserError):
            # Not as a task, which is tried again: whoever ends a run waits for it.
            end_mlflow_run.fn("FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    say("retrain: everything is up to date")


def prepare() -> None:
    """What trainings that run side by side need: data, recipes, and beside these the tracking store."""
    opened = open_store.submit()
    try:
        reproduce(["validate", "recipes"])
    except UserError:
        opened.wait()
        raise
    opened.result()


def side_by_side(stages: list[str], workers: int) -> None:
    """``dvc repro`` of every stage alone, ``workers`` at any time, in the order given."""
    running: set[PrefectFuture[None]] = set()
    for stage in stages:
        if len(running) == workers:
            done = next(as_completed(list(running)))
            running.remove(done)
            done.result()
        running.add(run_stage.submit(stage))
    for future in running:
        future.result()


def named_by_targets() -> str:
    """What the Prefect UI calls a run of ``reproduce``."""
    return " ".join(["dvc repro", *runtime.task_run.parameters["targets"]])


@partial(task, task_run_name=named_by_targets)
def reproduce(targets: list[str]) -> None:
    """``dvc repro`` of the targets and what they depend on; of everything without targets."""
    run_dvc("repro", *targets)


@network_task
def open_store() -> None:
    """Make the tracking store where there is none: MLflow's migrations fail when two trainings start them at once."""
    from fer.tracking import Tracker

    Tracker(load_params().tracking)


@network_task
def end_mlflow_run(status: str) -> None:
    """End the run in MLflow that stands for this flow run, if its trainings have made one."""
    from fer.store import is_made
    from fer.tracking import Tracker

    settings = load_params().tracking
    if is_made(settings):
        Tracker(settings).end_pipeline(str(runtime.flow_run.id), status)


@network_task
def stores_are_whole() -> bool:
    """Whether registry and Bento are there, and ``champion/`` is the registry's champion.

    In a fresh clone after ``dvc pull`` DVC has its outputs but not these; and an alias may be set by hand.
    """
    from fer.delivery.registry import Registry
    from fer.store import Store

    champion = Registry(Store(load_params().tracking)).champion()
    return is_stored(packaged_tag()) and champion is not None and is_written(champion.card)


@partial(task, task_run_name="{stage}")
def run_stage(stage: str) -> None:
    """``dvc repro`` of one stage alone."""
    run_dvc("repro", "--single-item", stage)


@task
def out_of_date(stages: list[str]) -> list[str]:
    """Those of the stages that DVC would run.

    Raises:
        UserError: when DVC fails, with the last line that it wrote.
    """
    done = subprocess.run([*DVC, "status", "--json"], check=False, capture_output=True, text=True)
    if done.returncode:
        *_, reason = done.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"dvc status failed: {reason.strip()}; mend it and run again")
    status = json.loads(done.stdout)
    return [stage for stage in stages if stage in status]


def _drop_empty_note() -> None:
    """Remove DVC's note of running stages where a kill came while DVC wrote it: DVC would stop at the empty file."""
    if RUNNING.exists() and not RUNNING.stat().st_size:
        RUNNING.unlink(missing_ok=True)
