"""A training's state: how far it has come, and every variable that its next epoch begins from."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

import keras
import numpy as np

Arrays = list[np.ndarray]

#: What a training that used no pretrained file began from.
RANDOM = "random"


@dataclass
class Origin:
    """Where a training ran.

    Attributes:
        commit: the Git commit of its code, or ``unknown``.
        cores: of the machine's CPU.
        accelerator: by its maker's name; empty for a CPU.
        run_id: of the MLflow run that its epochs are logged to.
    """

    commit: str
    cores: int
    accelerator: str
    run_id: str | None = None


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        phase: ``head`` (backbone frozen) or ``all``: the phase that the optimizer's state belongs to.
        epochs: finished epochs over both phases.
        history: one row per finished epoch.
        best_epoch: the epoch (from 1) with the lowest validation loss so far; 0 before the first.
        best_loss: that loss.
        weights: the name of the pretrained file that the training began from, or ``random``.
        code: digest of the modules that decide how a training goes.
        precision: the dtype policy of the network.
        backend: Keras' backend of the last epoch.
        total: epochs of both phases.
        seconds: how long each epoch took; no two trainings share it, so it counts in no comparison.
        origin: where the first epoch ran, and the MLflow run; None where nobody said.
    """

    phase: str = ""
    epochs: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    weights: str = RANDOM
    code: str = ""
    precision: str = "float32"
    backend: str = ""
    total: int = 0
    seconds: list[float] = field(default_factory=list, compare=False)
    origin: Origin | None = None

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Progress":
        """A checkpoint's progress; what other code wrote beside it is left out, and the digest shows that."""
        known = {field.name: content[field.name] for field in fields(cls) if field.name in content}
        origin = known.pop("origin", None)
        return cls(**known, origin=Origin(**origin) if origin else None)


@dataclass
class Saved:
    """A training's whole state: progress, model variables (seeds included), optimizer variables, best weights."""

    progress: Progress
    model: Arrays
    optimizer: Arrays
    best: Arrays

    def keep_best(self, model: keras.Model, loss: float) -> None:
        """Keep the weights of the last finished epoch where its validation loss is the lowest so far."""
        if loss < self.progress.best_loss:
            self.progress.best_epoch, self.progress.best_loss = self.progress.epochs, loss
            self.best = model.get_weights()


def model_variables(model: keras.Model) -> list[Any]:
    """Weights and seed generators of a model, whatever is frozen, without its metrics."""
    metrics = {id(variable) for variable in model.metrics_variables}
    return [variable for variable in model.variables if id(variable) not in metrics]


def read(variables: list[Any]) -> Arrays:
    """The values of Keras variables as NumPy arrays."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def write(variables: list[Any], values: Arrays) -> None:
    """Set Keras variables to the values that ``read`` gave for a model of the same build."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
