"""Fixtures that several test folders share; this file's folder, and so ``onnx_models``, is importable in every test."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import absl.logging
import pytest
from filelock import FileLock
from hypothesis import settings
from onnx_models import write_model

# Read by Keras and TensorFlow when a test first imports them.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# YuNet's file, where it is at hand; without it the tests of YuNet are skipped, and none of them downloads it.
YUNET = Path(__file__).parents[2] / "shared" / "weights" / "face_detection_yunet_2023mar.onnx"
if YUNET.is_file():
    os.environ.setdefault("FER_YUNET", str(YUNET))

# absl, which TensorFlow logs by, closes its stream when logging is set up anew (Prefect does), but for this one: it was
# pytest's own file, and pytest ended with "I/O operation on closed file".
absl.logging.get_absl_handler().python_handler.stream = sys.__stderr__

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


#: The files that take longest come first, so that all processes end together. The very first makes the trained project
#: that those of the pipeline copy; meanwhile the other process has files that need none.
LONGEST = (
    "test_changes.py",
    "test_fer2013.py",
    "test_train.py",
    "test_fit.py",
    "test_rollback.py",
    "test_interrupted.py",
    "test_mistakes.py",
    "test_results.py",
    "test_monitor.py",
    "test_save.py",
    "test_video_command.py",
    "test_browser.py",
    "test_registry.py",
    "test_checks.py",
    "test_processes.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model over FER-2013's seven classes; read only."""
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def empty_store(shared: Path) -> Path:
    """MLflow's database as its migrations leave it, which take seconds; to copy (``mlflow_stores.settings_of``)."""
    from mlflow_stores import make_store  # MLflow takes seconds too

    return made_once(shared / "mlflow", make_store) / "mlflow.db"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what one process of pytest-xdist makes and all use; whoever makes something holds a lock."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def prefect_home(shared: Path) -> Path:
    """Prefect's folder with its database as the migrations leave it, which take seconds; to copy."""
    from project import prefect_environment, prefect_server

    def migrate(home: Path) -> None:
        with prefect_server(shared, prefect_environment(home)):
            pass

    return made_once(shared / "prefect", migrate)


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory, prefect_home: Path) -> Iterator[str]:
    """A Prefect server for the commands of a test process, each of which would start its own and wait for it.

    It works off no deployments: a test of those starts its own.
    """
    from project import prefect_environment, prefect_server

    from pipelines.server import NO_DEPLOYMENTS

    folder = tmp_path_factory.mktemp("prefect") / "home"
    shutil.copytree(prefect_home, folder)
    with prefect_server(folder, prefect_environment(folder) | NO_DEPLOYMENTS) as url:
        yield url


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder that the first process of pytest-xdist makes, while the others wait."""
    making = folder.with_name(f".{folder.name}")
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            making.mkdir(exist_ok=True)
            make(making)
            making.rename(folder)
    return folder
