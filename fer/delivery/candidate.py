"""A model as the gates of promotion see it, the facts beside it, and what a gate says."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from fer.delivery.data_drift import Drift
from fer.evaluation.metrics import evaluate
from fer.sections import Promote


@dataclass(frozen=True)
class Candidate:
    """A trained model as the gates see it; the champion is seen in the same way, on the same images.

    Attributes:
        name: what runs and tables call it.
        classes: the emotions that it tells apart.
        model_sha256: of its ONNX file, in hex.
        labels: int ``[N]``, codes of the validation images.
        probabilities: float ``[N, C]``, what it says of them from one view.
        parity: largest difference of a probability between Keras and ONNX Runtime; 0 to 1, or not a number.
        megabytes: of its ONNX file.
        latency_ms: of one face on one thread.
        read_changed: gives ``correct``; seconds a model, so it is called for those alone of whom it is asked.
    """

    name: str
    classes: tuple[str, ...]
    model_sha256: str
    labels: np.ndarray
    probabilities: np.ndarray
    parity: float = 0.0
    megabytes: float = 0.0
    latency_ms: float = 0.0
    read_changed: Callable[[], Mapping[str, np.ndarray]] = dict

    @cached_property
    def metrics(self) -> dict[str, float]:
        """``fer.evaluation.metrics.evaluate`` of the validation images."""
        return evaluate(self.labels, self.probabilities, self.classes)

    @cached_property
    def correct(self) -> Mapping[str, np.ndarray]:
        """By change of ``fer.evaluation.robustness``, bool ``[M]``: whether it reads the changed faces rightly."""
        return self.read_changed()

    @property
    def score(self) -> float:
        """Validation macro-F1, 0 to 1: what promotion goes by."""
        return self.metrics["macro_f1"]

    @cached_property
    def predicted(self) -> np.ndarray:
        """int ``[N]``: the likeliest classes."""
        return self.probabilities.argmax(axis=1)

    @property
    def right(self) -> np.ndarray:
        """bool ``[N]``: whether they are the labels."""
        return self.predicted == self.labels


@dataclass(frozen=True)
class Facts:
    """What gates need to know beside the models.

    Attributes:
        settings: the bounds.
        slices: parts of the validation images by name, bool ``[N]``.
        failed_checks: the critical checks of the data that failed; None where the checks were of other data.
        drift: of the training data from the champion's; None where there is nothing to compare.
        taken_back: by the SHA-256 of a model that was champion and was taken back: which version, and when.
    """

    settings: Promote
    slices: Mapping[str, np.ndarray] = field(default_factory=dict)
    failed_checks: tuple[str, ...] | None = ()
    drift: Drift | None = None
    taken_back: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What one gate says of one candidate.

    Attributes:
        figure: what was measured, in words.
        value: what it came to.
        bound: what it was held against.
        passed: whether the gate is passed.
        most: whether the bound is the most that the value may be, not the least.
        note: what else there is to know, in words.
    """

    figure: str
    value: float
    bound: float
    passed: bool
    most: bool = False
    note: str = ""

    @property
    def words(self) -> str:
        """One line, such as ``validation macro-F1 0.1, needs at least 0.3143: 0.2143 short``."""
        value = "" if math.isnan(self.value) else f" {self.value:.4g}"
        gap = abs(self.value - self.bound)
        # A tie with the champion lacks nothing that can be counted.
        distance = f": {gap:.4g} {'over' if self.most else 'short'}" if gap else ": a tie"
        note = f" ({self.note})" if self.note else ""
        needs = f"needs at {'most' if self.most else 'least'} {self.bound:.4g}"
        return f"{self.figure}{value}, {needs}{'' if self.passed else distance}{note}"

    def without_value(self) -> "Outcome":
        """The outcome without a value that no two calls measure alike."""
        return replace(self, value=float("nan"))
