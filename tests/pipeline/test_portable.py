"""The whole trip by its commands: a folder out, trained by Keras alone, and models back."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from project import Project, clean_environment, make_project, tiny

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

PLAN = {
    "recipe": "quick",
    "reserve": 0.1,
    "jobs": [
        {"name": "mini", "architecture": "mini", "minutes": 5},
        {"name": "mini_2", "architecture": "mini", "seed": 2, "like": "mini"},
        {"name": "student", "architecture": "mini", "teachers": ["mini", "mini_2"]},
    ],
}


def run_alone(project: Project, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """``python -m fer.portable`` as on another machine: none of the project's variables."""
    command = [sys.executable, "-m", "fer.portable", *arguments]
    return subprocess.run(
        command, cwd=project.folder, env=clean_environment(), capture_output=True, text=True, check=False
    )


def test_pack_train_and_adopt(tmp_path: Path, prefect: str) -> None:
    project = replace(make_project(tmp_path / "project"), prefect=prefect)
    project.edit(tiny)
    project.edit(lambda params: params["architectures"]["mini"].update(quick={"epochs": 2, "batch_size": 32}))
    plan = project.folder / "plan.yaml"
    plan.write_text(yaml.safe_dump(PLAN))
    for command in (["ingest"], ["pack", "plan.yaml", "packed"]):
        done = project.run("pipelines", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "3 jobs on" in done.stdout
    done = run_alone(project, "packed", "out", "--minutes", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 jobs in" in done.stdout
    done = project.run("pipelines", "adopt", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dvc commit -f train@mini distill@mini" in done.stdout
    for name in ("models/mini", "reports/repeats/mini_quick_2", "distilled/mini"):
        run = json.loads((project.folder / name / "run.json").read_text())
        assert run["parity"] < 1e-3
        assert json.loads((project.folder / name / "mlflow.json").read_text())["model_sha256"] == run["model_sha256"]
    assert run["teacher"]["members"] == "mini 0.50 (random), mini_2 0.50 (random), of every view"
