"""A folder in, a folder out: all jobs of a plan by priority, and what came back read again."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_jobs import PLAIN, SHORT, tiny_job, write_packed
from tiny_training import dataset

from fer.errors import UserError
from fer.portable import pieces, train
from fer.portable.__main__ import main
from fer.portable.bundle import unpack_job
from fer.portable.clock import Clock
from fer.portable.folder import Packed, PackedJob
from fer.portable.pieces import Results, read_job, read_results
from fer.portable.run import Run, run
from fer.portable.train import Finished, Training

ROOT = Path(__file__).parents[3]


def test_the_folder_holds_the_data_without_the_test_split(packed: Packed) -> None:
    (faces, labels), (held_faces, held_labels) = packed.splits()
    data = dataset()
    for split, images, codes in (("train", faces, labels), ("validation", held_faces, held_labels)):
        np.testing.assert_array_equal(images, data.images[data.rows(split)])
        np.testing.assert_array_equal(codes, data.labels[data.rows(split)])
    assert (packed.fingerprint, packed.dataset, packed.commit) == (data.fingerprint, data.name, "abc")
    assert packed.counts == {"train": 24, "validation": 12}
    names = {path.relative_to(packed.path).as_posix() for path in packed.path.rglob("*") if path.is_file()}
    assert names == {"pack.json", "faces.bin", "labels.npz", "weights/tiny_faces.weights.h5"}


@pytest.mark.parametrize("name", ["faces.bin", "labels.npz", "weights/tiny_faces.weights.h5"])
def test_a_file_that_was_damaged_on_the_way_is_one_line(packed: Packed, tmp_path: Path, name: str) -> None:
    shutil.copytree(packed.path, tmp_path / "packed")
    path = tmp_path / "packed" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{path}: damaged \(.*\); copy it once more$"):
        Packed.load(tmp_path / "packed")


def test_a_folder_that_is_none_is_one_line(tmp_path: Path) -> None:
    for content in (None, "no json", "{}", '{"format": 99}'):
        if content is not None:
            (tmp_path / "pack.json").write_text(content)
        with pytest.raises(
            UserError, match=r"pack.json: not a packed folder's .*; run python -m pipelines pack$"
        ) as one:
            Packed.load(tmp_path)
        assert "\n" not in str(one.value)


def test_every_job_is_told_and_comes_back_in_small_pieces(packed: Packed, out: Path) -> None:
    results = read_results(out)
    assert {name: told["status"] for name, told in results["jobs"].items()} == dict.fromkeys(
        ("one", "two", "student"), "finished"
    )
    sizes = [(out / piece["name"]).stat().st_size for piece in results["pieces"]]
    assert sizes == [piece["bytes"] for piece in results["pieces"]]
    assert len(sizes) > 2
    assert max(sizes) <= pieces.LARGEST
    for told in results["jobs"].values():
        assert {"minutes", "images_per_second", "waited", "seconds", "epochs", "best_epoch"} <= set(told)
        assert 0 <= told["waited"] <= 1
    assert results["machine"]["backend"] in ("tensorflow", "jax", "torch")
    assert results["fingerprint"] == packed.fingerprint
    said = (out / "said").read_text()
    assert "one: validation accuracy" in said
    assert "3 of 3 jobs in" in said


def finished(out: Path, name: str) -> Finished:
    return unpack_job(read_job(out, read_results(out), name), name)


def test_weights_come_back_in_half_precision_and_predictions_whole(out: Path, packed: Packed) -> None:
    state = next((out.parent / "state").iterdir())
    whole = unpack_job((state / "one" / "finished.npz").read_bytes(), "one")
    back = finished(out, "one")
    for mine, theirs in zip(back.weights, whole.weights, strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-7)
        if mine.ndim == 1:
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(back.validation, whole.validation)
    assert back.ten_views.shape == (12, 3)
    assert back.progress == whole.progress
    assert back.progress.origin.commit == "unknown", "the job's digest of the code is none"
    assert finished(out, "two").weights == []


def test_run_again_nothing_is_trained_and_the_same_comes_back(
    packed: Packed, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Training, "run", None)
    run(packed, tmp_path / "again", out.with_name("state"), None, 10**6, lambda line: None)
    for name in ("one", "two", "student"):
        assert read_job(tmp_path / "again", read_results(tmp_path / "again"), name) == read_job(
            out, read_results(out), name
        )


def test_without_room_predictions_come_back_alone(packed: Packed, out: Path, tmp_path: Path) -> None:
    said: list[str] = []
    room = read_results(out)["jobs"]["one"]["bytes"] - 1
    run(packed, tmp_path / "small", out.with_name("state"), None, room, said.append)
    assert "one: its weights have no room in the results, its predictions have" in said
    results = read_results(tmp_path / "small")
    assert results["jobs"]["one"]["keep"] == "predictions"
    back = finished(tmp_path / "small", "one")
    assert back.weights == []
    np.testing.assert_array_equal(back.validation, finished(out, "one").validation)


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
def test_a_damaged_piece_is_one_line_and_the_jobs_in_others_are_read(out: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(out, tmp_path / "out")
    results = read_results(tmp_path / "out")
    path = tmp_path / "out" / results["pieces"][0]["name"]
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        content[100] ^= 8
        path.write_bytes(content[:100] if damage == "cut" else content)
    with pytest.raises(UserError, match=r"results\.00.*one is in it; copy it once more$") as caught:
        read_job(tmp_path / "out", results, "one")
    assert "\n" not in str(caught.value)
    assert unpack_job(read_job(tmp_path / "out", results, "student"), "student").weights


def test_results_that_are_none_are_one_line(tmp_path: Path) -> None:
    for content in (None, "no json", "[]", '{"jobs": 3}'):
        if content is not None:
            (tmp_path / "results.json").write_text(content)
        with pytest.raises(UserError, match=r"results.json: not the results of .*; copy it once more$"):
            read_results(tmp_path)


def test_out_of_minutes_what_is_left_out_is_told(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first job's epochs fit, those of both phases; the second is not begun, and so its student has no teacher."""
    packed = write_packed(
        tmp_path / "packed",
        tiny_job("one", **PLAIN),
        *packed.jobs[1:],
        weights=packed.path / "weights",
    )
    seconds = iter([1.0, 1.0, 10_000.0])
    monkeypatch.setattr(Training, "_measure", lambda self, phase: next(seconds))
    out, said = tmp_path / "out", []
    run(packed, out, tmp_path / "state", 5.0, 10**6, said.append)
    told = read_results(out)["jobs"]
    assert [one["status"] for one in told.values()] == ["finished", "left out", "left out"]
    assert told["two"]["reason"].startswith("0 epochs of 10000.0 s fit into its minutes")
    assert told["student"]["reason"] == "its teacher two is not trained"
    assert said[-1].startswith("1 of 3 jobs in ")


def test_a_job_like_one_that_is_left_out_is_left_out(packed: Packed, tmp_path: Path) -> None:
    """With as many epochs as there is time for it would be no other seed of the same training."""
    jobs = tiny_job("one", **SHORT | {"pretrained": "required"}), tiny_job("two", 4, **SHORT, job={"like": "one"})
    write_packed(tmp_path / "packed", *jobs, weights=packed.path / "weights")
    shutil.rmtree(tmp_path / "packed" / "weights")
    run(Packed.load(tmp_path / "packed"), tmp_path / "out", tmp_path / "state", None, 10**6, lambda line: None)
    told = read_results(tmp_path / "out")["jobs"]["two"]
    assert told == {"status": "left out", "reason": "one, whose number of epochs it takes, is not trained"}


@pytest.mark.parametrize("minutes", [0.0, 0.5])
def test_a_job_is_not_even_compiled_where_the_minutes_are_over(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float
) -> None:
    """Half a minute is too little once another job has taken longer before its first epoch."""
    monkeypatch.setattr("fer.portable.run.Training", None)
    results = Results(tmp_path / "out", {}, 10**6)
    job = replace(packed, jobs=packed.jobs[:1])
    Run(job, results, tmp_path / "state", Clock(minutes, 0), lambda line: None, longest=60 * minutes).all()
    told = read_results(tmp_path / "out")["jobs"]["one"]
    assert told["status"] == "left out"
    expected = r"\d+ s are left to begin it, and an earlier job took \d+ s before its first epoch"
    assert re.fullmatch(expected, told["reason"])


def test_a_job_whose_pretrained_file_is_still_on_its_way_is_left_out(packed: Packed, tmp_path: Path) -> None:
    """From random weights it would waste the minutes of a training from pretrained ones."""
    folder = tmp_path / "packed"
    write_packed(folder, tiny_job("one"), weights=packed.path / "weights")
    shutil.rmtree(folder / "weights")
    run(Packed.load(folder), tmp_path / "out", tmp_path / "state", None, 10**6, lambda line: None)
    assert read_results(tmp_path / "out")["jobs"]["one"] == {
        "status": "left out",
        "reason": f"its pretrained file weights/tiny_faces.weights.h5 has not arrived; copy it to {folder}",
    }


def test_a_job_that_fails_ends_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = write_packed(tmp_path / "packed", tiny_job("bad", **SHORT), tiny_job("good", 4, **SHORT))
    whole = Training.run

    def full(self: Training, *arguments: object) -> Finished:
        if self.job.name == "bad":
            raise MemoryError("out of memory while trying to\nallocate")
        return whole(self, *arguments)

    monkeypatch.setattr(Training, "run", full)
    run(packed, tmp_path / "out", tmp_path / "state", None, 10**6, lambda line: None)
    told = read_results(tmp_path / "out")["jobs"]
    assert told["bad"] == {"status": "left out", "reason": "MemoryError: out of memory while trying to allocate"}
    assert told["good"]["status"] == "finished"


def test_a_killed_run_goes_on_to_the_same_weights(
    packed: Packed, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = write_packed(tmp_path / "packed", tiny_job("one"), weights=packed.path / "weights")
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", -1.0)

    def interrupt(line: str) -> None:
        if "one: epoch 4/" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(packed, tmp_path / "out", tmp_path / "state", None, 10**6, interrupt)
    assert read_results(tmp_path / "out")["jobs"] == {}
    run(packed, tmp_path / "out", tmp_path / "state", None, 10**6, lambda line: None)
    for mine, theirs in zip(finished(tmp_path / "out", "one").weights, finished(out, "one").weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


#: Keras, its backend, NumPy and SciPy: what the machine must have.
ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r} and "site-packages/tensorflow" not in str(path):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
import fer.portable.run, fer.portable.__main__
from fer.models import list_architectures
from fer.models.common.registry import get_architecture
[get_architecture(name) for name in list_architectures()]
"""


def test_keras_and_a_backend_are_enough() -> None:
    refused = ("pandas", "cv2", "pydantic", "mlflow", "prefect", "dvc", "yaml", "sklearn", "typer", "onnx", "pyarrow",
               "onnxruntime", "matplotlib", "great_expectations", "bentoml", "tf2onnx")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ALONE.format(refused=refused)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_mistake_on_the_command_line_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fer-train", str(tmp_path), str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=rf"^error: {tmp_path}/pack.json: not a packed folder's [^\n]*$"):
        main()
    assert not (tmp_path / "out").exists()


def test_the_jobs_travel_with_the_results(out: Path) -> None:
    plan = json.loads((out / "results.json").read_text())["plan"]
    assert [PackedJob.of(job).name for job in plan] == ["one", "two", "student"]
    assert PackedJob.of(plan[2]).teachers == ("one", "two")
