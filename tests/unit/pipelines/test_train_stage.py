import hashlib
import json
import os
import shutil
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
import yaml
from face_datasets import small_dataset
from mlflow import MlflowClient
from mlflow_stores import every_run, settings_of
from trained_models import PARAMS, history, job_of, write_trained

from fer.errors import UserError
from fer.job import Start
from fer.params import load_params
from fer.tracking import PIPELINE_RUN_ID, Tracker
from fer.training.checkpoint import Checkpoint
from fer.training.state import Origin, Progress
from pipelines import environment, recipes, retrain, train
from pipelines.jobs import make_job


def test_without_tensorflow_the_checkpoint_is_the_result_and_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"mini: trained, .* copy state/checkpoints/mini-abc to the same place"
    ) as caught:
        train.finish_with_tensorflow.fn(["train", "mini"], Checkpoint(Path("state/checkpoints/mini-abc")))
    assert "\n" not in str(caught.value)


def test_a_training_whose_epochs_ran_elsewhere_has_a_whole_run_here(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint came from a machine whose run this store does not know."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    dataset = small_dataset(train=2, held_out=4)
    folder = write_trained(tmp_path / "models", dataset)
    tracker = Tracker(settings_of(tmp_path / "state", empty_store))
    progress = Progress(history=history(3), origin=Origin("c" * 40, 64, "NVIDIA H200", run_id="f" * 32))
    progress.seconds = [60.0, 90.0, 120.0]
    train.log.fn(tracker, job_of(dataset), "baseline", progress, folder, dataset)
    about = json.loads((folder.path / "mlflow.json").read_text())
    assert about["commit"] == folder.commit == "c" * 40
    assert (about["minutes"], about["cores"], about["accelerator"]) == (4.5, "64", "NVIDIA H200")
    run = tracker.client.get_run(about["run_id"])
    assert run.info.status == "FINISHED"
    points = tracker.client.get_metric_history(about["run_id"], "epoch.loss")
    assert [point.step for point in points] == [1, 2, 3]


def test_a_model_that_was_pulled_has_no_known_commit(tmp_path: Path) -> None:
    assert write_trained(tmp_path, small_dataset(train=2, held_out=4)).commit == "unknown"


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("jaxx", "unknown backend 'jaxx'; did you mean jax?"),
        ("torch", "torch is not installed here; install it, or set"),
    ],
)
def test_a_backend_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch, backend: str, words: str) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: None if name == "torch" else name)
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", backend)
    with pytest.raises(UserError, match=r"^KERAS_BACKEND: ") as caught:
        environment.check_backend()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_that_were_not_written_since_an_edit_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS.read_text())
    Path("data/raw").mkdir(parents=True)
    refused = r"^reports/recipes/mini.json: not what params.yaml and fer/models say now; run dvc repro recipes$"
    with pytest.raises(UserError, match=refused):
        train.train.fn("mini")
    recipes.write.fn(load_params(), ["mini"])
    with pytest.raises(UserError, match=r"^data/dataset"):
        train.train.fn("mini")
    params = yaml.safe_load(PARAMS.read_text())
    params["architectures"]["mini"]["quick"]["learning_rate"] = 0.5
    Path("params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(UserError, match=refused):
        train.train.fn("mini")


def test_a_start_is_part_of_the_recipe_and_the_job_and_nothing_is_where_there_is_none(tmp_path: Path) -> None:
    params, dataset = load_params(PARAMS), small_dataset(train=2, held_out=2)
    folder = write_trained(tmp_path / "first", dataset)
    (folder.path / "run.json").write_text(folder.run.model_copy(update={"preprocessing": "unit"}).to_json())
    weights = folder.path / "model.weights.h5"
    weights.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    begun = params.model_copy(update={"train": params.train.model_copy(update={"start_from": weights})})
    assert "start_from" not in json.loads(recipes.settings_of(params, "baseline"))
    assert json.loads(recipes.settings_of(begun, "baseline"))["start_from"] == digest
    assert make_job(params, dataset, "baseline").start is None
    assert make_job(begun, dataset, "baseline").start == Start(f"baseline on {dataset.name}", "unit", digest)
    with pytest.raises(
        UserError, match=r"a baseline, which mini cannot go on from; set train.architectures to"
    ) as told:
        make_job(begun, dataset, "mini")
    others = small_dataset(2, 2, ("angry", "happy"))
    with pytest.raises(
        UserError, match=r"knows angry, .* neutral, the data set angry, happy; set data.classes"
    ) as both:
        make_job(begun, others, "baseline")
    weights.unlink()
    with pytest.raises(UserError, match=r"model.weights.h5: cannot be read \(No such file") as missing:
        make_job(begun, dataset, "baseline")
    assert not any("\n" in str(error.value) for error in (told, both, missing))


@pytest.mark.parametrize(
    ("where", "ended", "status"),
    [
        ("nowhere", None, "RUNNING"),
        ("epochs", UserError("out of memory"), "FAILED"),
        ("epochs", SystemExit(143), "KILLED"),
        ("files", UserError("the message above says why"), "FAILED"),
        ("files", TypeError(), "FAILED"),
    ],
)
def test_a_training_that_ends_says_so_in_its_run_and_logs_the_machines_load_no_more(
    tmp_path: Path,
    empty_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    ended: BaseException | None,
    status: str,
) -> None:
    """Where nothing ended it, another process goes on with the run and writes the files."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    dataset = small_dataset(train=2, held_out=2)
    others = set(threading.enumerate())

    def monitors() -> list[str]:
        started = {thread for thread in threading.enumerate() if thread.is_alive()} - others
        return [thread.name for thread in started if thread.name == "SystemMetricsMonitor"]

    def epochs(params, dataset, job, name, checkpoint, tracker, targets, teacher):
        tracker.open_run(job, dataset.name, None, name)
        assert monitors()
        if where == "epochs":
            raise ended

    def files(command, checkpoint):
        assert not monitors()
        if where == "files":
            raise ended

    monkeypatch.setattr(train, "open_tracker", train.open_tracker.fn)
    monkeypatch.setattr(train, "fit_epochs", epochs)
    monkeypatch.setattr(train, "finish_with_tensorflow", files)
    monkeypatch.setattr(train.keras.backend, "backend", lambda: "torch")
    settings = settings_of(tmp_path / "state", empty_store)
    params = load_params(PARAMS).model_copy(update={"tracking": settings})
    job = job_of(dataset)
    with pytest.raises(type(ended)) if ended else nullcontext():
        train.train_job(params, dataset, job, job.name, tmp_path / "model", ["train", job.name])
    assert not monitors()
    (run,) = every_run(MlflowClient(settings.uri))
    assert run.info.status == status


def test_a_retrain_ends_its_run_in_mlflow_and_makes_no_store_for_that(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", "4f1c")
    monkeypatch.setenv(PIPELINE_RUN_ID, "4f1c")
    shutil.copy(PARAMS, "params.yaml")
    retrain.end_mlflow_run.fn("FAILED")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
    settings_of(tmp_path / "state", empty_store)
    dataset = small_dataset(train=2, held_out=2)
    tracker = Tracker(load_params().tracking)
    run_id = tracker.open_run(job_of(dataset), dataset.name)
    tracker.stop_monitors()
    parent = tracker.client.get_run(run_id).data.tags["mlflow.parentRunId"]
    for status in ("FAILED", "KILLED", "FINISHED"):
        retrain.end_mlflow_run.fn(status)
        assert tracker.client.get_run(parent).info.status == status
