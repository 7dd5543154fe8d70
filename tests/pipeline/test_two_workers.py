"""Trainings on two machines, and one of them lost: everything that the machines share is real, and a process here."""

import contextlib
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import psutil
import pytest
from machines import PASSWORD, POSTGRESQL, SECRET, clone, deploy, end, origin, shared_servers, worker
from project import SECONDS, tiny, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.nightly,
    pytest.mark.skipif(not POSTGRESQL.is_dir(), reason="no PostgreSQL here"),
    pytest.mark.skipif(not (find_spec("moto") and find_spec("dvc_s3")), reason="no moto or no dvc-s3: make test-scale"),
]


#: The id of an MLflow run.
RUN_IDS = {f"{folder}/mlflow.json" for folder in ("models/baseline", "models/mini", "distilled/baseline")}
#: With the time that a face takes.
TIMED = {"reports/compare/comparison.csv", "reports/compare/comparison.png"}


def untimed(folder: Path) -> list[dict[str, str]]:
    """The table of all networks, without the time that a face takes."""
    table = pd.read_csv(folder / "reports/compare/comparison.csv", dtype=str)
    return table.drop(columns="latency_ms").fillna("").to_dict("records")


def command_lines() -> str:
    lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            lines.append(" ".join(process.cmdline()))
    return "\n".join(lines)


def trainings(folder: Path) -> list[int]:
    """The processes that train in a clone."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(folder) and "train" in process.cmdline()[1:]:
                found.append(process.pid)
    return found


def test_trainings_fan_out_and_a_lost_machine_costs_one_retry(tmp_path, retrained):
    with shared_servers(tmp_path) as shared:
        repository = origin(tmp_path / "origin", tiny)
        asking, first, second = (clone(repository, tmp_path / name, shared) for name in ("asking", "one", "two"))
        deploy(asking, shared)
        with (
            worker(first, shared) as log_one,
            worker(second, shared) as log_two,
            asking.start("pipelines", "retrain", "--pool", "trainers", **shared.environment) as process,
        ):

            def both_train() -> bool:
                assert process.poll() is None, process.communicate()
                return bool(trainings(first.folder) and trainings(second.folder))

            wait_for(both_train, pause=0.2)
            shown = command_lines()
            (machine,) = [one for one in psutil.process_iter(["cmdline", "cwd"]) if is_worker(one, first.folder)]
            end(machine.pid)
            stdout, stderr = process.communicate(timeout=SECONDS)
            logs = log_one.read_text() + log_two.read_text()
        runs = shared.runs("trainer")
        (parent,) = shared.runs("retrain")
        stages = shared.ask("flow_runs", flow_runs={"tags": {"all_": [parent["name"]]}})
        mlflow = (tmp_path / "mlflow.log").read_text()

    assert process.returncode == 0, stdout + stderr + logs
    assert sorted(run["state_type"] for run in runs) == ["COMPLETED", "COMPLETED", "CRASHED"]
    assert stdout.count("no sign of life from its worker for 90 seconds; another worker begins it") == 1
    # What one machine made of the same parameters, byte for byte, but for times that were measured.
    for folder in ("models", "distilled", "reports/ensemble", "reports/compare"):
        here, there = asking.bytes_of(folder), retrained.project.bytes_of(folder)
        assert here.keys() | RUN_IDS == there.keys() | RUN_IDS
        assert [name for name in here.keys() - RUN_IDS - TIMED if here[name] != there[name]] == []
    assert untimed(asking.folder) == untimed(retrained.project.folder)
    assert not asking.stale()
    # The trainings on other machines are stages of this retrain, as those here are.
    assert {run["name"] for run in stages} >= {"train baseline", "train mini"}
    for secret in (PASSWORD, SECRET):
        assert secret not in shown + stdout + stderr + logs + mlflow


def is_worker(process: psutil.Process, folder: Path) -> bool:
    return process.info["cwd"] == str(folder) and "worker" in (process.info["cmdline"] or [])
