"""A run that is killed or ended leaves the last good outputs, no lock and no process, and goes on where it was."""

import re
import shutil
import signal
from dataclasses import replace

import pandas as pd
import psutil
import pytest
from mlflow_stores import every_run, runs_of, store_of
from project import SECONDS, json_of, kill, wait_for

pytestmark = pytest.mark.slow

EPOCHS = 8
#: A recipe of a user's own, which no architecture has a section for.
RECIPE = {"epochs": EPOCHS, "input_size": 40}


def test_a_killed_training_by_a_new_recipe_leaves_the_last_good_model_and_goes_on_at_its_last_epoch(copy, monkeypatch):
    last_good = copy.bytes_of("models/mini")
    copy.edit(lambda params: params["recipes"].update(night=params["recipes"]["quick"] | RECIPE))
    copy.edit(lambda params: params["train"].update(recipe="night"))
    checkpoints = copy.folder / "state" / "checkpoints"
    with copy.start("dvc", "repro", "train@mini") as process:
        wait_for(lambda: list(checkpoints.glob("mini-*/progress.json")) or process.poll() is not None)
        kill(process)
    (checkpoint,) = checkpoints.glob("mini-*")
    finished = json_of(checkpoint / "progress.json")["epochs"]
    assert 1 <= finished < EPOCHS
    assert copy.bytes_of("models/mini") == last_good

    done = copy.run("dvc", "repro", "train@mini")
    assert done.returncode == 0, done.stdout + done.stderr
    epochs = [int(epoch) for epoch in re.findall(r"^mini: epoch (\d+)/", done.stdout, re.MULTILINE)]
    assert epochs == list(range(finished + 1, EPOCHS + 1))
    assert not checkpoint.exists()
    assert json_of(copy.folder / "models/mini/run.json")["recipe"]["input_size"] == 40
    assert pd.read_csv(copy.folder / "models/mini/history.csv")["epoch"].tolist() == list(range(1, EPOCHS + 1))
    store = store_of(copy, monkeypatch)
    run = runs_of(store)["mini"]
    assert run.info.status == "FINISHED"
    steps = [point.step for point in store.get_metric_history(run.info.run_id, "epoch.loss")]
    assert steps == list(range(1, EPOCHS + 1))


@pytest.mark.nightly
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_terminated_retrain_leaves_nothing_running_and_no_lock(copy, prefect_home, workers, monkeypatch):
    copy = replace(copy, prefect=None)
    shutil.copytree(prefect_home, copy.folder / "state" / "prefect")
    copy.edit(lambda params: params["architectures"]["baseline"]["quick"].update(epochs=500))
    checkpoints = copy.folder / "state" / "checkpoints"
    with copy.start("pipelines", "retrain", "--workers", workers) as process:
        wait_for(lambda: list(checkpoints.glob("baseline-*/progress.json")) or process.poll() is not None)
        processes = psutil.Process(process.pid).children(recursive=True)
        assert {"dvc", "train", "prefect"} <= {word for member in processes for word in member.cmdline()}
        process.terminate()
        stdout, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM, stdout + stderr
    assert psutil.wait_procs(processes, timeout=20)[1] == []
    assert json_of(copy.folder / ".dvc" / "tmp" / "rwlock") == {}
    assert not (copy.folder / "state" / "prefect" / "server.url").exists()
    store = store_of(copy, monkeypatch)
    statuses = {run.info.run_name: run.info.status for run in every_run(store)}
    (parent,) = [name for name in statuses if name.startswith("retrain ")]
    assert (statuses["baseline"], statuses[parent]) == ("KILLED", "KILLED")
