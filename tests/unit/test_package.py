"""The distribution that ``pip install .`` makes."""

import os
import re
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


def test_everything_that_git_has_of_the_package_is_in_it(wheel):
    """Code, types, the released models, the page, templates: ``package-data`` in pyproject.toml forgets none."""
    listed = subprocess.run(
        ["git", "ls-files", "fer", "pipelines"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    assert {"fer/py.typed", "fer/released/standard/model.onnx", "fer/released/standard/card.json"} <= files
    assert any(name.endswith(".html") for name in files), "the page"
    assert any(name.endswith(".jinja") for name in files), "templates"
    assert files - set(wheel.namelist()) == set()


@pytest.mark.slow
def test_it_works_alone_from_any_folder(wheel, tmp_path):
    """Unpacked beside nothing of the project: the command reads a photo with its own model."""
    wheel.extractall(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()
    code = (
        "import sys, fer; assert fer.__file__.startswith(sys.argv[1]), fer.__file__\n"
        "import numpy as np\n"
        "from fer import Reader\n"
        "print(Reader('fer/released', 'cascade').photo(np.full((99, 99, 3), 90, np.uint8)))"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", code, str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "photo: 99x99, no face\n", done.stderr


def test_the_base_runs_where_there_is_no_libgl():
    base = {re.split(r"[<>=]", line)[0] for line in PROJECT["dependencies"]}
    assert "opencv-python-headless" in base
    assert "opencv-python" not in base
    windowless, window = ((ROOT / f"requirements{end}.lock").read_text() for end in ("", "-window"))
    (version,) = re.findall(r"^opencv-python-headless==(\S+)", windowless, re.MULTILINE)
    assert re.findall(r"^(\S+)==(\S+)", window, re.MULTILINE) == [("opencv-python", version)]


def test_its_extras_name_it():
    named = [line for extra in PROJECT["optional-dependencies"].values() for line in extra if line.endswith("]")]
    named = [line for line in named if line.partition("[")[0] in ("fer", PROJECT["name"])]
    assert named
    assert set(named) == {"fer-pipeline[check]", "fer-pipeline[pipeline]"}


def test_the_version_needs_no_installation(tmp_path):
    """As in a Bento, which has this file of the package and no metadata."""
    (tmp_path / "fer").mkdir()
    shutil.copy(ROOT / "fer" / "__init__.py", tmp_path / "fer")
    command = [sys.executable, "-S", "-c", "import fer; print(fer.__version__)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == f"{fer.__version__}\n"
