import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import tiny_training
from tiny_known import tiny_known
from tiny_training import CLASSES, dataset, make_job, write_pretrained

from fer.errors import UserError
from fer.evaluation.metrics import evaluate
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split, scored_rows
from fer.inference.runtime import measure_latency, onnx_predict, predict_views
from fer.job import VOTES_TEACHERS, Teacher
from fer.training.checkpoint import Checkpoint
from fer.training.fit import Trained, fit, predict
from fer.training.save import write_outputs

FILES = {
    "model.onnx",
    "model.weights.h5",
    "metrics.json",
    "history.csv",
    "predictions.parquet",
    "run.json",
}


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with tiny_known():
        yield


@dataclass
class Saved:
    trained: Trained
    folder: ModelFolder


JOB = make_job(epochs=2, pretrained="none")


@pytest.fixture(scope="module")
def saved(tiny: None, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("saved")
    trained = fit(dataset(), JOB, None, Checkpoint(folder / "checkpoint"))
    (folder / "model").mkdir()
    (folder / "model" / "of the last training").touch()
    return Saved(trained, write_outputs(folder / "model", dataset(), JOB, trained))


def test_all_files_stand_in_place_of_the_former(saved: Saved) -> None:
    assert {path.name for path in saved.folder.path.iterdir()} == FILES


def test_run_json_says_how_the_model_came_about(saved: Saved) -> None:
    run = saved.folder.run
    assert (run.architecture, run.title) == ("tiny", "Tiny")
    assert (run.dataset, run.fingerprint) == ("small faces", dataset().fingerprint)
    assert run.classes == saved.folder.classes == CLASSES
    assert (run.seed, run.job, run.recipe) == (JOB.seed, JOB.key, JOB.recipe)
    assert (run.weights, run.preprocessing, run.epochs) == ("random", "unit", 2)
    assert run.best_epoch == saved.trained.progress.best_epoch
    assert run.model_sha256 == hashlib.sha256(saved.folder.onnx.read_bytes()).hexdigest()
    assert run.parity is not None
    assert 0 <= run.parity < 1e-5


def test_metrics_are_flat_names_and_plain_numbers(saved: Saved) -> None:
    metrics = json.loads((saved.folder.path / "metrics.json").read_text())
    names = ["accuracy", "macro_f1", *(f"f1.{name}" for name in CLASSES), "ece", "support"]
    assert set(metrics) == {"params"} | {f"{split}.{name}" for split in Split for name in names}
    assert all(isinstance(value, int | float) for value in metrics.values())
    assert metrics["params"] == saved.trained.model.count_params()
    assert (metrics["validation.support"], metrics["test.support"]) == (12, 12)
    assert metrics["test_without_copies.support"] == 10


def test_predictions_have_a_row_for_every_validation_and_test_image(saved: Saved) -> None:
    table = saved.folder.predictions
    rows = np.concatenate([dataset().rows("validation"), dataset().rows("test")])
    np.testing.assert_array_equal(table["row"], rows)
    np.testing.assert_array_equal(table["emotion"], dataset().table["emotion"][rows])
    np.testing.assert_array_equal(table["source_id"], dataset().table["source_id"][rows])
    probabilities = table[[f"p.{name}" for name in CLASSES]].to_numpy()
    np.testing.assert_array_equal(probabilities, predict(saved.trained.model, dataset().images[rows]))
    np.testing.assert_array_equal(table["predicted"], np.array(CLASSES)[probabilities.argmax(axis=1)])


@pytest.mark.parametrize("split", [Split.VALIDATION, Split.TEST, Split.TEST_WITHOUT_COPIES])
def test_scored_rows_give_the_metrics(saved: Saved, split: Split) -> None:
    labels, probabilities = saved.folder.scored(split)
    assert (labels.dtype, probabilities.dtype) == (np.int64, np.float32)
    for name, value in evaluate(labels, probabilities, CLASSES).items():
        assert saved.folder.metrics[f"{split}.{name}"] == value


def test_without_copies_leaves_out_the_copies_alone() -> None:
    table = pd.DataFrame(
        {
            "split": ["validation", "test", "test", "test"],
            "emotion": ["happy", "sad", "angry", "happy"],
            "train_copy": [True, False, True, False],
            "p.angry": [0.1, 0.2, 0.3, 0.4],
            "p.happy": [0.0, 0.0, 0.0, 0.0],
            "p.sad": [0.9, 0.8, 0.7, 0.6],
        }
    )
    assert scored_rows(table, CLASSES, Split.VALIDATION)[0].tolist() == [1]
    assert scored_rows(table, CLASSES, Split.TEST)[0].tolist() == [2, 0, 1]
    labels, probabilities = scored_rows(table, CLASSES, Split.TEST_WITHOUT_COPIES)
    assert labels.tolist() == [2, 1]
    np.testing.assert_allclose(probabilities, [[0.2, 0, 0.8], [0.4, 0, 0.6]], rtol=1e-6)


def test_the_history_has_a_row_for_every_epoch(saved: Saved) -> None:
    assert saved.folder.rows == saved.trained.progress.history
    assert list(saved.folder.history.columns)[:2] == ["epoch", "loss"]


def test_the_weights_file_gives_the_model_back(saved: Saved) -> None:
    faces = dataset().images[:6]
    expected = predict(saved.trained.model, faces)
    former = saved.trained.model.get_weights()
    saved.trained.model.set_weights([np.zeros_like(weight) for weight in former])
    saved.trained.model.load_weights(saved.folder.path / "model.weights.h5")
    np.testing.assert_array_equal(predict(saved.trained.model, faces), expected)


def test_the_onnx_model_has_the_ports_that_clients_know(saved: Saved) -> None:
    model = onnx.load(saved.folder.onnx)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(str(saved.folder.onnx), providers=["CPUExecutionProvider"])
    (faces,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (faces.name, faces.type, faces.shape) == ("faces", "tensor(uint8)", ["N", 48, 48])
    assert (probabilities.name, probabilities.type) == ("probabilities", "tensor(float)")
    assert probabilities.shape == ["N", len(CLASSES)]


def test_dropout_is_not_in_the_onnx_model(saved: Saved) -> None:
    operations = {node.op_type for node in onnx.load(saved.folder.onnx).graph.node}
    assert not {kind for kind in operations if "Random" in kind or kind == "Dropout"}


@pytest.mark.parametrize("count", [1, 7])
def test_onnx_and_keras_agree_in_batches_of(saved: Saved, count: int) -> None:
    faces = np.random.default_rng(count).integers(0, 256, (count, 48, 48), dtype=np.uint8)
    probabilities = onnx_predict(saved.folder.onnx, faces)
    assert (probabilities.shape, probabilities.dtype) == ((count, 3), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(probabilities, predict(saved.trained.model, faces), atol=1e-5)


def test_a_face_is_predicted_alike_alone_and_among_others(saved: Saved) -> None:
    faces = dataset().images[:7]
    together = onnx_predict(saved.folder.onnx, faces, batch_size=7)
    np.testing.assert_allclose(onnx_predict(saved.folder.onnx, faces, batch_size=2), together, atol=1e-6)


def test_the_first_of_ten_views_is_the_face_as_it_is(saved: Saved) -> None:
    faces = dataset().images[:4]
    views = predict_views(saved.folder.onnx, faces)
    assert (views.shape, views.dtype) == ((10, 4, 3), np.float32)
    np.testing.assert_array_equal(views[0], onnx_predict(saved.folder.onnx, faces))
    np.testing.assert_allclose(views[1], onnx_predict(saved.folder.onnx, faces[:, :, ::-1]), atol=1e-6)


def test_parity_is_the_largest_difference(saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(model: keras.Model, faces: np.ndarray) -> np.ndarray:
        probabilities = predict(model, faces)
        probabilities[2, 1] += 0.25
        return probabilities

    assert saved.folder.run.parity < 1e-5
    monkeypatch.setattr("fer.training.save.predict", other)
    folder = write_outputs(tmp_path / "model", dataset(), JOB, saved.trained)
    assert folder.run.parity == pytest.approx(0.25, abs=1e-5)


@pytest.mark.parametrize(
    ("members", "title"),
    [("compact 1.00", "Tiny (distilled)"), *((people, "Tiny") for people in VOTES_TEACHERS.values())],
)
def test_what_people_teach_is_not_called_distilled(saved: Saved, tmp_path: Path, members: str, title: str) -> None:
    job = replace(JOB, teacher=Teacher(0.5, members, "0" * 64))
    assert write_outputs(tmp_path / "model", dataset(), job, saved.trained).run.title.lower() == title.lower()
    assert job.name == ("tiny" if title == "Tiny" else "tiny_distilled")


def test_latency_is_measured_for_every_model(saved: Saved) -> None:
    latencies = measure_latency({"one": saved.folder.onnx, "two": saved.folder.onnx})
    assert set(latencies) == {"one", "two"}
    assert all(0 < value < 1000 for value in latencies.values())


def test_a_failure_leaves_the_last_good_folder(saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "metrics.json").write_text("the last good one")

    def full(*arguments: object, **settings: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="No space left"):
        write_outputs(tmp_path / "model", dataset(), JOB, saved.trained)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "metrics.json").read_text() == "the last good one"


@pytest.mark.parametrize("content", [None, "{ half"])
def test_a_folder_without_a_complete_training_is_one_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"run.json: not to be read .*; run the train stage again") as caught:
        _ = ModelFolder(tmp_path).run
    assert "\n" not in str(caught.value)


def begin(folder: Path, when: str, precision: str = "float32") -> subprocess.Popen[bytes]:
    """Start the tiny training in a process of its own."""
    tests = Path(__file__).parents[2]
    environment = os.environ | {
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)]),
        "CUDA_VISIBLE_DEVICES": "",
    }
    return subprocess.Popen([sys.executable, tiny_training.__file__, str(folder), when, precision], env=environment)


def start(folder: Path, when: str) -> int:
    """Run the tiny training; its exit code."""
    return begin(folder, when).wait(timeout=300)


def assert_same_files(first: Path, second: Path) -> None:
    for name in FILES:
        assert (first / "model" / name).read_bytes() == (second / "model" / name).read_bytes(), name


@pytest.mark.slow
def test_killed_and_started_again_every_file_is_the_same(tmp_path: Path) -> None:
    """Covers two exports in fresh processes as well: the ONNX bytes are among the files.

    Other moments are in test_fit.py, where the process goes on.
    """
    for name in ("whole", "killed"):
        write_pretrained(tmp_path / name / "weights")
    assert start(tmp_path / "whole", "never") == 0
    killed = tmp_path / "killed"
    assert start(killed, "save:4") == -signal.SIGKILL
    assert Checkpoint(killed / "checkpoint").load().progress.epochs == 3
    assert not (killed / "model").exists()
    assert start(killed, "never") == 0
    assert_same_files(tmp_path / "whole", killed)


@pytest.mark.slow
@pytest.mark.nightly
def test_killed_at_random_moments_every_file_is_the_same(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    write_pretrained(whole / "weights")
    began = time.monotonic()
    assert begin(whole, "never", "mixed_bfloat16").wait(timeout=300) == 0
    duration = time.monotonic() - began
    kills, finished = 0, 0
    while kills < 2 or not finished:
        folder = tmp_path / f"killed {finished}"
        if not folder.exists():
            write_pretrained(folder / "weights")
        process = begin(folder, "never", "mixed_bfloat16")
        try:
            assert process.wait(timeout=random.uniform(0.2, 1.1) * duration) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        else:
            assert_same_files(whole, folder)
            finished += 1
