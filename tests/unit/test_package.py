"""The distribution that ``pip install .`` makes."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import fer

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    for name in ("fer", "pipelines"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    done = subprocess.run([*command, source / "out", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (source / "out").iterdir()
    return zipfile.ZipFile(built)


def test_its_name_is_not_another_projects_and_its_version_is_the_packages(wheel):
    (path,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = HeaderParser().parsestr(wheel.read(path).decode())
    assert (metadata["Name"], metadata["Version"]) == ("fer-pipeline", fer.__version__)


def test_types_and_the_released_model_are_in_it(wheel):
    assert {"fer/py.typed", "fer/released/model.onnx", "fer/released/card.json"} <= set(wheel.namelist())
    committed = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fer").rglob("*.py")}
    assert committed <= set(wheel.namelist())


def test_its_extras_name_it():
    named = [line for extra in PROJECT["optional-dependencies"].values() for line in extra if line.endswith("]")]
    named = [line for line in named if line.partition("[")[0] in ("fer", PROJECT["name"])]
    assert named
    assert set(named) == {"fer-pipeline[pipeline]"}


def test_the_version_needs_no_installation(tmp_path):
    """As in a Bento, which has this file of the package and no metadata."""
    (tmp_path / "fer").mkdir()
    shutil.copy(ROOT / "fer" / "__init__.py", tmp_path / "fer")
    command = [sys.executable, "-S", "-c", "import fer; print(fer.__version__)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == f"{fer.__version__}\n"
