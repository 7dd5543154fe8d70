"""MLflow stores for tests: an empty one made once, copied where a test needs its own."""

import shutil
from pathlib import Path

import mlflow

from fer.params import Tracking


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
