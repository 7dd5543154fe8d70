"""One small training of everything, which all tests of the pipeline look at or copy."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from project import Project, make_project, tiny


@dataclass(frozen=True)
class Retrained:
    project: Project
    stdout: str


@pytest.fixture(scope="session")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Retrained:
    """A project after ``retrain``, both architectures at the same time on a fresh store; read only.

    The processes of pytest-xdist share it: the first that needs it makes it, while the others wait.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    project, said = Project(folder / "retrained"), folder / "retrained.txt"
    with FileLock(folder / "retrained.lock"):
        if not said.exists():
            make_project(project.folder)
            project.edit(tiny)
            done = project.run("pipelines", "retrain", "--workers", "2")
            assert done.returncode == 0, done.stdout + done.stderr
            said.write_text(done.stdout)
    return Retrained(project, said.read_text())


@pytest.fixture
def copy(retrained: Retrained, tmp_path: Path) -> Project:
    """The retrained project to change, with empty stores: a fresh clone after ``dvc pull``."""
    return retrained.project.copy(tmp_path / "project")


@pytest.fixture
def copy_with_stores(retrained: Retrained, copy: Project) -> Project:
    """The retrained project to change, with its stores."""
    shutil.copytree(retrained.project.folder / "state", copy.folder / "state")
    return copy
