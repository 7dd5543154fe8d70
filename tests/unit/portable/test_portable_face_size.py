"""A data set of another size than 48 pixels: packed with a model of it as a teacher, trained, and adopted."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from tiny_jobs import SHORT, recipe_of, tiny_job
from tiny_training import dataset, make_job
from trained_models import PARAMS

from fer.params import load_params
from fer.portable import train
from fer.portable.adoption import adopted_jobs, restored
from fer.portable.folder import Packed
from fer.portable.pieces import read_results
from fer.portable.plan import jobs_of, pack, read_plan
from fer.portable.run import run
from fer.training.checkpoint import Checkpoint
from fer.training.fit import fit
from fer.training.save import write_outputs

SIZE = 60


def test_images_of_another_size_go_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = dataset()
    data = replace(small, images=np.stack([cv2.resize(image, (SIZE, SIZE)) for image in small.images]))
    job = make_job(epochs=1, pretrained="none")
    write_outputs(tmp_path / "home", data, job, fit(data, job, None, Checkpoint(tmp_path / "fit")))
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump({"recipe": "quick", "reserve": 0, "jobs": [
        {"name": "old", "trained": str(tmp_path / "home")},
    ]}))  # fmt: skip
    (old,) = jobs_of(read_plan(plan), load_params(PARAMS), data, lambda *_: "")
    student = tiny_job("student", 5, **SHORT | {"epochs": 2}, job={"teachers": ("old",), "share": 0.5})
    pack(tmp_path / "packed", data, [old, replace(student, recipe=recipe_of(student))], 0.0, None, "abc")
    packed = Packed.load(tmp_path / "packed")
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", -1.0)

    def interrupt(line: str) -> None:
        if "student: epoch 1/" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(packed, tmp_path / "out", tmp_path / "state", None, 10**6, interrupt)
    said: list[str] = []
    run(packed, tmp_path / "out", tmp_path / "state", None, 10**6, said.append)
    results = read_results(tmp_path / "out")
    assert results["jobs"]["student"]["status"] == "finished", said
    ((_, finished),) = adopted_jobs(tmp_path / "out", results, data, said.append)
    assert restored(packed.jobs[1], finished, data).model.input_shape == (None, SIZE, SIZE)
