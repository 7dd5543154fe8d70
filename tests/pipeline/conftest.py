"""One small training of everything, which all tests of the pipeline look at or copy."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from filelock import FileLock
from project import Project, make_project, tiny

#: Whoever asks another machine for something gets no answer; the defect was BentoML's ``pip install uv``.
NO_NETWORK = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "PIP_NO_INDEX": "1"}


@dataclass(frozen=True)
class Retrained:
    project: Project
    stdout: str


@pytest.fixture(scope="session")
def retrained(shared: Path, prefect_home: Path, empty_store: Path) -> Retrained:
    """A project after ``retrain``, both architectures at the same time on empty stores; read only.

    The processes of pytest-xdist share it: the first that needs it makes it, while the others wait.
    """
    project, said = Project(shared / "retrained"), shared / "retrained.txt"
    with FileLock(shared / "retrained.lock"):
        if not said.exists():
            make_project(project.folder)
            project.edit(tiny)
            shutil.copytree(prefect_home, project.folder / "state" / "prefect")
            shutil.copy(empty_store, project.folder / "state" / "mlflow.db")
            done = project.run("pipelines", "retrain", "--workers", "2", **NO_NETWORK)
            assert done.returncode == 0, done.stdout + done.stderr
            said.write_text(done.stdout)
    return Retrained(project, said.read_text())


@pytest.fixture
def copy(retrained: Retrained, prefect: str, tmp_path: Path) -> Project:
    """The retrained project to change, with empty stores: a fresh clone after ``dvc pull``."""
    return replace(retrained.project.copy(tmp_path / "project"), prefect=prefect)


@pytest.fixture
def copy_with_stores(retrained: Retrained, copy: Project) -> Project:
    """The retrained project to change, with its stores."""
    shutil.copytree(retrained.project.folder / "state", copy.folder / "state")
    return copy
