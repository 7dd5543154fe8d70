"""What came back becomes a model of the project, or one line says why not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from face_datasets import with_values
from mlflow_stores import settings_of
from tiny_training import CLASSES, RECIPE, dataset

from fer.errors import UserError
from fer.evaluation.predictions import Split
from fer.inference.runtime import onnx_predict
from fer.portable.adoption import adopted_jobs, job_of, restored
from fer.portable.folder import PackedJob
from fer.portable.pieces import read_results
from fer.portable.train import Finished
from fer.report.records import check, check_images, check_network
from fer.tracking import Tracker
from pipelines import train

Jobs = dict[str, tuple[PackedJob, Finished]]


@pytest.fixture(scope="module")
def jobs(out: Path) -> Jobs:
    found = adopted_jobs(out, read_results(out), dataset(), lambda line: None)
    return {packed.name: (packed, finished) for packed, finished in found}


def test_a_job_without_weights_is_told(out: Path) -> None:
    said: list[str] = []
    found = adopted_jobs(out, read_results(out), dataset(), said.append)
    assert [packed.name for packed, _ in found] == ["one", "student"]
    assert len(said) == 1
    assert said[0].startswith("adopt: two: its weights did not come back; validation accuracy ")


def test_an_adopted_model_is_a_model_like_the_others(
    jobs: Jobs, out: Path, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    results, data = read_results(out), dataset()
    packed, finished = jobs["one"]
    job = job_of(packed, finished, results, data)
    assert (job.recipe, job.seed, job.teacher) == (RECIPE, 3, None)
    trained = restored(packed, finished, data)
    software = {"jax": "0.11.2", "keras": "3.15.1"}
    folder = train.save.fn(tmp_path / "models/one", data, job, trained, software)
    tracker = Tracker(settings_of(tmp_path / "state", empty_store))
    train.log.fn(tracker, job, job.name, finished.progress, folder, data)
    for checked in (check, check_network):
        checked(folder, "mend it")
    check_images(folder, data, "mend it")
    run = folder.run
    assert (run.weights, run.preprocessing, run.epochs) == ("faces", "tf", 5)
    assert run.software["jax"] == "0.11.2"
    assert run.software["backend"] == finished.progress.backend
    labels, probabilities = folder.scored(Split.VALIDATION)
    rows = data.rows("validation")
    np.testing.assert_array_equal(labels, data.labels[rows])
    np.testing.assert_allclose(probabilities, onnx_predict(folder.onnx, data.images[rows]), atol=1e-5)
    assert run.parity < 1e-5
    assert folder.provenance.minutes == round(sum(finished.progress.seconds) / 60, 1)
    assert folder.provenance.cores == str(finished.progress.origin.cores)
    mlflow_run = tracker.client.get_run(folder.provenance.run_id)
    assert mlflow_run.info.status == "FINISHED"
    points = tracker.client.get_metric_history(folder.provenance.run_id, "epoch.loss")
    assert [point.step for point in points] == [1, 2, 3, 4, 5]


def test_a_student_says_who_taught_it(jobs: Jobs, out: Path) -> None:
    results = read_results(out)
    job = job_of(*jobs["student"], results, dataset())
    assert job.name == "tiny_distilled"
    assert job.teacher.share == 1.0
    assert job.teacher.members == "one 0.50 (faces), two 0.50 (random), of every view"
    assert len(job.teacher.digest) == 64


def test_results_of_other_data_are_one_line(out: Path) -> None:
    other = with_values(dataset(), "emotion", {0: CLASSES[-1]})
    with pytest.raises(UserError, match=r"results.json: trained on small faces .*, not on the present small faces"):
        adopted_jobs(out, read_results(out), other, lambda line: None)


def test_a_damaged_piece_is_refused_before_anything_is_written(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "out")
    results = read_results(tmp_path / "out")
    path = tmp_path / "out" / results["pieces"][-1]["name"]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match=r"is in it; copy it once more$"):
        adopted_jobs(tmp_path / "out", results, dataset(), lambda line: None)


def test_weights_that_predict_something_else_are_one_line(jobs: Jobs) -> None:
    packed, finished = jobs["one"]
    other = replace(finished, validation=np.roll(finished.validation, 1, axis=1))
    with pytest.raises(UserError, match=r"^one: predicts on 0.0 % of the validation images what it predicted there; "):
        restored(packed, other, dataset())


def test_weights_of_another_network_are_one_line(jobs: Jobs) -> None:
    packed, finished = jobs["one"]
    with pytest.raises(UserError, match=r"^one: weights of another network than tiny's; pack again$"):
        restored(packed, replace(finished, weights=finished.weights[:-1]), dataset())


def test_a_recipe_of_other_code_is_one_line(jobs: Jobs, out: Path) -> None:
    results = json.loads(json.dumps(read_results(out)))
    results["plan"][0]["recipe"]["surprise"] = 1
    with pytest.raises(UserError, match=r"^one: a recipe of other code \(.*\); pack again$"):
        job_of(*jobs["one"], results, dataset())


def test_what_was_left_out_is_told_with_its_reason(out: Path) -> None:
    results = json.loads(json.dumps(read_results(out)))
    results["jobs"]["one"] = {"status": "left out", "reason": "out of memory"}
    del results["jobs"]["student"]
    said: list[str] = []
    assert adopted_jobs(out, results, dataset(), said.append) == []
    assert said[0] == "adopt: one: left out: out of memory"
    assert said[2] == "adopt: student: not begun"
