"""MLflow stores for tests: an empty one made once, copied where a test needs its own."""

import shutil
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from project import Project

from fer.sections import Tracking


def make_store(folder: Path) -> Path:
    """A database as MLflow's migrations leave it, which take seconds."""
    path = folder / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


def settings_of(state: Path, store: Path | None = None) -> Tracking:
    """The settings of a project whose state is ``state``; with a copy of ``store`` there."""
    if store:
        state.mkdir(parents=True)
        shutil.copy(store, state / "mlflow.db")
    return Tracking(uri=f"sqlite:///{state / 'mlflow.db'}", experiment="fer", model="fer-classifier")


def without_figures(patch: pytest.MonkeyPatch) -> None:
    """Runs are written without their pictures, half of the time that a run takes; test_tracking.py looks at those."""
    patch.setattr("fer.tracking._draw", lambda *_: None)


def store_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """A client of the project's MLflow store, which keeps the variable that MLflow sets to this test."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    mlflow.set_tracking_uri(f"sqlite:///{project.folder / 'state' / 'mlflow.db'}")
    return mlflow.MlflowClient()


def every_run(store: mlflow.MlflowClient) -> list[Run]:
    """The store's runs, those that stand for a ``retrain`` too."""
    experiment = store.get_experiment_by_name("fer")
    assert experiment is not None
    return list(store.search_runs([experiment.experiment_id]))


def runs_of(store: mlflow.MlflowClient) -> dict[str, Run]:
    """The store's runs by architecture, each of which has one; without those that stand for a ``retrain``."""
    runs = [run for run in every_run(store) if "fer.pipeline_run_id" not in run.data.tags]
    named = {run.info.run_name: run for run in runs}
    assert len(named) == len(runs)
    return named
