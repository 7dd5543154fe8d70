"""The second backend; JAX has an environment of its own, in which ``make test-jax`` runs this."""

import json
import re
from dataclasses import replace
from importlib.util import find_spec

import pytest
from face_datasets import small_dataset
from project import make_project, tiny

from fer.params import load_params
from pipelines.recipes import write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jax") is None, reason="JAX has an environment of its own: make test-jax"),
]


def test_jax_trains_by_the_same_command_and_tensorflow_writes_the_files(tmp_path, monkeypatch, prefect):
    project = replace(make_project(tmp_path / "project"), prefect=prefect)
    project.edit(tiny)
    project.edit(lambda params: params["architectures"]["baseline"]["quick"].update(ema_decay=0.5))
    small_dataset(train=12, held_out=2).save(project.folder / "data/dataset")
    monkeypatch.chdir(project.folder)
    write.fn(load_params(), ["baseline"])
    done = project.run("pipelines", "train", "baseline", KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^baseline: epoch (\d+)/", done.stdout, re.MULTILINE) == ["1", "2"]
    model = project.folder / "models/baseline"
    run = json.loads((model / "run.json").read_text())
    assert run["software"]["backend"] == "jax"
    assert json.loads((model / "mlflow.json").read_text())["accelerator"] == "", "JAX is the CPU's here"
    assert run["parity"] < 1e-3
    assert not list((project.folder / "state/checkpoints").glob("baseline-*"))
