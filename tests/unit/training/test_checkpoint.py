import errno
import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from fer.errors import UserError
from fer.training.checkpoint import Checkpoint
from fer.training.state import Origin, Progress, Saved, model_variables, read, write


def state(epochs: int) -> Saved:
    progress = Progress(
        phase="all",
        epochs=epochs,
        history=[{"epoch": n, "loss": 1 / 3} for n in range(epochs)],
        best_epoch=1,
        best_loss=0.1 + 0.2,
        weights="faces.h5",
        origin=Origin("c" * 40, 2, "NVIDIA H200", run_id="abc"),
    )
    # more than ten arrays: their order must not become alphabetical
    model = [np.full((2, 3), epochs + n, np.float32) for n in range(12)]
    return Saved(progress, model, [np.int64(epochs), np.zeros(2)], [])


def assert_same(first: Saved, second: Saved) -> None:
    assert first.progress == second.progress
    for name in ("model", "optimizer", "best"):
        for a, b in zip(getattr(first, name), getattr(second, name), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


def test_what_was_saved_last_is_loaded(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "checkpoint")
    assert checkpoint.load() is None
    for epochs in (1, 2):
        checkpoint.save(state(epochs))
        assert_same(Checkpoint(checkpoint.folder).load(), state(epochs))
    assert [path.name for path in checkpoint.folder.parent.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("array_file", [1, 2, 3])
def test_a_full_disk_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array_file: int
) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save(state(1))
    write_arrays, calls = np.savez, []

    def savez(path: Path, *arrays: np.ndarray) -> None:
        calls.append(path)
        if len(calls) == array_file:
            path.write_bytes(b"PK half a file")
            raise OSError(errno.ENOSPC, "No space left on device")
        write_arrays(path, *arrays)

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(state(2))
    monkeypatch.undo()
    assert_same(checkpoint.load(), state(1))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"], "nothing half-written stays"
    checkpoint.save(state(2))
    assert_same(checkpoint.load(), state(2))


def test_a_kill_between_the_two_renames_loses_no_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save(state(1))
    (tmp_path / "checkpoint").rename(tmp_path / ".checkpoint.old")
    assert_same(checkpoint.load(), state(1))


@pytest.mark.parametrize("name", ["progress.json", "model.npz", "optimizer.npz", "best.npz"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage"])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save(state(2))
    path = checkpoint.folder / name
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "garbage": b"\x80 garbage"}[damage])
    with pytest.raises(UserError, match=r"damaged checkpoint .*; remove the folder") as caught:
        checkpoint.load()
    assert str(checkpoint.folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_earlier_code_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    """Its code's digest then says that the training begins anew: no person has to remove it."""
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save(state(1))
    path = checkpoint.folder / "progress.json"
    content = json.loads(path.read_text()) | {"notes": {"run_id": "abc"}}
    del content["origin"]
    path.write_text(json.dumps(content))
    assert checkpoint.load().progress == replace(state(1).progress, origin=None)


def test_a_checkpoint_without_one_of_its_files_is_damaged(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save(state(1))
    (checkpoint.folder / "best.npz").unlink()
    with pytest.raises(UserError, match="damaged checkpoint"):
        checkpoint.load()


def dropout_net() -> keras.Model:
    inputs = keras.Input((3,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(x))
    model.compile(loss="mse", metrics=["mae"])
    return model


def test_the_variables_hold_seeds_and_statistics_but_no_metrics() -> None:
    model = dropout_net()
    model.fit(np.ones((4, 3)), np.ones((4, 4)), verbose=0)
    variables = model_variables(model)
    assert len(variables) == 2 + 4 + 1  # dense, batch normalisation, seed
    assert not {id(variable) for variable in variables} & {id(variable) for variable in model.metrics_variables}
    model.get_layer(index=1).trainable = False
    assert [id(variable) for variable in model_variables(model)] == [id(variable) for variable in variables]


def test_values_written_into_a_like_model_make_it_the_same() -> None:
    first, second = dropout_net(), dropout_net()
    write(model_variables(second), read(model_variables(first)))
    x = np.ones((5, 3))
    for _ in range(2):  # the seed moves on with every call
        np.testing.assert_array_equal(first(x, training=True), second(x, training=True))


def test_values_of_another_model_do_not_fit() -> None:
    model = dropout_net()
    with pytest.raises(ValueError, match="argument"):
        write(model_variables(model), read(model_variables(model))[:-1])
