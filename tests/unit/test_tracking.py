import os
import threading
import time
from pathlib import Path

import mlflow
import numpy as np
import pytest
from face_datasets import small_dataset
from mlflow_stores import settings_of
from trained_models import history, job_of, write_trained

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.inference.runtime import INPUT, OUTPUT
from fer.pipeline_run import PIPELINE_RUN, PIPELINE_RUN_ID
from fer.sections import Tracking
from fer.tracking import FINGERPRINT_TAG, JOB_TAG, MODEL_TAG, Tracker


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=2)


@pytest.fixture(scope="module")
def folder(dataset: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_trained(tmp_path_factory.mktemp("models"), dataset)


@pytest.fixture(autouse=True)
def no_store_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """``mlflow.set_tracking_uri`` sets the variable too, for the processes that it starts."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path) -> Tracking:
    return settings_of(tmp_path / "state", empty_store)


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, dataset: FaceDataset, folder: ModelFolder
) -> tuple[Tracking, str]:
    """A store with the finished run of ``folder``, and the run's id."""
    settings = settings_of(tmp_path_factory.mktemp("finished") / "state", empty_store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.chdir(Path(settings.uri.removeprefix("sqlite:///")).parents[1])
        return settings, Tracker(settings).ensure_run(folder, dataset)


def curve(tracker: Tracker, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in tracker.client.get_metric_history(run_id, name)]


def runs(tracker: Tracker) -> list[mlflow.entities.Run]:
    return tracker.client.search_runs([tracker.store.experiment_id])


def test_a_run_shows_its_settings_and_curves_while_it_trains(settings, dataset):
    tracker, job = Tracker(settings), job_of(dataset)
    run_id = tracker.open_run(job, dataset.name)
    tracker.log_history(run_id, history(1))
    tracker.log_history(run_id, history(2))
    run = tracker.client.get_run(run_id)
    assert run.info.status == "RUNNING"
    assert run.info.run_name == "baseline"
    assert run.data.tags[JOB_TAG] == job.key
    assert run.data.tags[FINGERPRINT_TAG] == dataset.fingerprint
    assert run.data.params["dataset"] == dataset.name
    assert run.data.params["fingerprint"] == dataset.fingerprint
    assert run.data.params["classes"] == "angry disgust fear happy sad surprise neutral"
    assert run.data.params["learning_rate"] == str(job.recipe.learning_rate)
    assert run.data.params["augmentation.flip"] == str(job.recipe.augmentation.flip)
    assert curve(tracker, run_id, "epoch.loss") == [(1, 2.0), (2, 1.0)]
    assert curve(tracker, run_id, "epoch.validation.macro_f1") == [(1, 1 - 0.9), (2, 1 - 0.45)]


def test_a_resumed_training_goes_on_in_its_run_without_a_row_twice(settings, dataset):
    first, job = Tracker(settings), job_of(dataset)
    run_id = first.open_run(job, dataset.name)
    first.log_history(run_id, history(2))
    resumed = Tracker(settings)
    assert resumed.open_run(job, dataset.name, run_id) == run_id
    resumed.log_history(run_id, history(4))
    assert [step for step, _ in curve(resumed, run_id, "epoch.accuracy")] == [1, 2, 3, 4]
    assert len(runs(resumed)) == 1


def test_a_training_resumed_on_another_store_is_logged_there_whole(settings, dataset):
    tracker = Tracker(settings)
    run_id = tracker.open_run(job_of(dataset), dataset.name, "0123456789abcdef0123456789abcdef")
    tracker.log_history(run_id, history(3))
    assert [step for step, _ in curve(tracker, run_id, "epoch.loss")] == [1, 2, 3]


def test_a_finished_run_holds_metrics_figures_files_and_a_model_with_signature(finished, folder):
    settings, run_id = finished
    tracker = Tracker(settings)
    run = tracker.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags[MODEL_TAG] == folder.run.model_sha256
    assert {name: run.data.metrics[name] for name in folder.metrics} == folder.metrics
    assert run.data.params["weights"] == "random"

    files = Path(mlflow.artifacts.download_artifacts(run_id=run_id, tracking_uri=settings.uri))
    figures = {path.name for path in (files / "figures").iterdir()}
    assert figures == {"curves.png", "confusion_validation.png", "confusion_test.png", "samples.png"}
    for name in ("run.json", "metrics.json", "history.csv", "predictions.parquet"):
        assert (files / name).read_bytes() == (folder.path / name).read_bytes()

    (logged,) = tracker.client.search_logged_models([tracker.store.experiment_id])
    signature = mlflow.models.get_model_info(logged.model_uri).signature
    (faces,), (answers,) = signature.inputs.inputs, signature.outputs.inputs
    assert (faces.name, faces.type, faces.shape) == (INPUT, np.dtype("uint8"), (-1, 48, 48))
    assert (answers.name, answers.type, answers.shape) == (OUTPUT, np.dtype("float32"), (-1, 7))


def test_artifacts_stay_beside_the_database(finished):
    database = Path(finished[0].uri.removeprefix("sqlite:///"))
    assert {path.name for path in database.parent.iterdir()} == {"mlflow.db", "mlflow.db.lock", "mlartifacts"}
    assert [path.name for path in database.parents[1].iterdir()] == ["state"]


def test_ensuring_a_run_again_creates_nothing(finished, dataset, folder):
    settings, run_id = finished
    tracker = Tracker(settings)
    before = tracker.client.get_run(run_id).to_dictionary()
    assert tracker.ensure_run(folder, dataset) == run_id
    assert tracker.client.get_run(run_id).to_dictionary() == before
    assert len(runs(tracker)) == 1
    assert len(tracker.client.search_logged_models([tracker.store.experiment_id])) == 1


def test_a_fresh_store_is_given_the_run_from_its_files_whatever_was_cut_off_there(settings, finished, dataset, folder):
    whole = Tracker(finished[0]).client.get_run(finished[1])
    os.environ["MLFLOW_TRACKING_URI"] = ""
    tracker, job = Tracker(settings), job_of(dataset)
    cut = tracker.open_run(job, dataset.name)
    tracker.log_history(cut, history(1))
    run_id = tracker.ensure_run(folder, dataset)
    assert run_id not in (cut, finished[1])
    run = tracker.client.get_run(run_id)
    assert {name: run.data.metrics[name] for name in folder.metrics} == folder.metrics
    assert run.data.params == whole.data.params
    assert [step for step, _ in curve(tracker, run_id, "epoch.loss")] == [1, 2, 3]


def test_another_job_with_the_same_model_has_a_run_of_its_own(finished, folder, tmp_path):
    settings, run_id = finished
    tracker = Tracker(settings)
    assert tracker.find_run(folder) == run_id
    for change in ({"seed": 99}, {"model_sha256": "f" * 64}):
        (tmp_path / "run.json").write_text(folder.run.model_copy(update=change).to_json())
        assert tracker.find_run(ModelFolder(tmp_path)) is None


def test_a_repeat_by_the_same_seed_has_a_run_of_its_own(settings, dataset, folder):
    os.environ["MLFLOW_TRACKING_URI"] = ""
    tracker, job = Tracker(settings), job_of(dataset)
    repeat = tracker.open_run(job, dataset.name, None, "baseline_quick_0")
    tracker.finish_run(repeat, folder, dataset)
    assert tracker.find_run(folder) is None
    assert tracker.ensure_run(folder, dataset) != repeat


def test_latency_and_intervals_join_a_finished_run(finished):
    settings, run_id = finished
    tracker = Tracker(settings)
    tracker.log_metrics(run_id, {"latency_ms": 1.5})
    run = tracker.client.get_run(run_id)
    assert run.data.metrics["latency_ms"] == 1.5
    assert run.info.status == "FINISHED"


def test_the_environments_store_comes_first(settings, empty_store, dataset, tmp_path, monkeypatch):
    other = settings_of(tmp_path / "other", empty_store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", other.uri)
    Tracker(settings).open_run(job_of(dataset), dataset.name)
    assert len(runs(Tracker(other))) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert runs(Tracker(settings)) == []


def test_the_data_set_is_the_runs_input_by_its_fingerprint_and_the_models_metrics_are_of_it(finished, dataset, folder):
    settings, run_id = finished
    tracker = Tracker(settings)
    (given,) = tracker.client.get_run(run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == (dataset.name, dataset.fingerprint)
    assert {tag.key: tag.value for tag in given.tags} == {"mlflow.data.context": "training"}
    (logged,) = tracker.client.search_logged_models([tracker.store.experiment_id])
    measured = {metric.key: metric for metric in tracker.client.get_logged_model(logged.model_id).metrics}
    assert measured["test.accuracy"].value == folder.metrics["test.accuracy"]
    assert measured["test.accuracy"].dataset_digest == dataset.fingerprint


def test_the_model_comes_with_an_example_of_its_input(finished, dataset):
    settings, _ = finished
    tracker = Tracker(settings)
    (logged,) = tracker.client.search_logged_models([tracker.store.experiment_id])
    example = mlflow.models.Model.load(logged.model_uri).load_input_example()
    assert np.array_equal(example["faces"], dataset.images[dataset.examples(1)])


def test_the_machines_load_is_logged_while_a_training_runs_and_no_longer(settings, dataset, folder, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    tracker, others = Tracker(settings), set(threading.enumerate())
    run_id = tracker.open_run(job_of(dataset), dataset.name)
    (monitor,) = (thread for thread in set(threading.enumerate()) - others if thread.name == "SystemMetricsMonitor")
    name, deadline = "system/cpu_utilization_percentage", time.monotonic() + 60
    while name not in tracker.client.get_run(run_id).data.metrics:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    tracker.finish_run(run_id, folder, dataset)
    assert not monitor.is_alive()


def test_the_runs_of_one_retrain_have_its_name_and_one_parent(settings, dataset, folder, tmp_path, monkeypatch):
    monkeypatch.setenv(PIPELINE_RUN_ID, "4f1c")
    monkeypatch.setenv(PIPELINE_RUN, "brave-otter")
    live = Tracker(settings)
    first = live.open_run(job_of(dataset), dataset.name)
    second = Tracker(settings).ensure_run(write_trained(tmp_path, dataset, "resnet50", seed=1), dataset)
    (parent,) = live.client.search_runs([live.store.experiment_id], "tags.`fer.pipeline_run_id` = '4f1c'")
    assert (parent.info.run_name, parent.info.status) == ("brave-otter", "RUNNING"), "one still trains"
    live.end_pipeline("none of ours", "FINISHED")
    for _ in range(2):
        live.end_pipeline("4f1c", "FINISHED")
        assert live.client.get_run(parent.info.run_id).info.status == "FINISHED"
        assert live.client.get_run(first).info.status == "RUNNING"
    for run_id in (first, second):
        tags = live.client.get_run(run_id).data.tags
        assert (tags["fer.pipeline_run"], tags["mlflow.parentRunId"]) == ("brave-otter", parent.info.run_id)

    monkeypatch.setenv(PIPELINE_RUN_ID, "77aa")
    monkeypatch.setenv(PIPELINE_RUN, "calm-fox")
    assert Tracker(settings).open_run(job_of(dataset), dataset.name, first) == first
    assert live.client.get_run(first).data.tags["fer.pipeline_run"] == "calm-fox"
    assert len(runs(live)) == 4
    live.finish_run(first, folder, dataset)
