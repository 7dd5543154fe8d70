"""Candidates of which it is known how many faces they read rightly: no network is run."""

import numpy as np

from fer.delivery.candidate import Candidate
from fer.evaluation.robustness import CHANGES, UNCHANGED

CLASSES = ("angry", "happy", "sad", "neutral")


def labels_of(each: int = 100, classes: tuple[str, ...] = CLASSES) -> np.ndarray:
    return np.tile(np.arange(len(classes)), each)


def candidate(
    right: float | np.ndarray = 0.8,
    *,
    name: str = "compact",
    each: int = 100,
    confidence: float | None = None,
    kept: float = 0.9,
    classes: tuple[str, ...] = CLASSES,
    **facts: object,
) -> Candidate:
    """A model that reads a share of every class rightly, or just those faces, and says so with some confidence.

    Args:
        right: a share, 0 to 1, or bool ``[N]``.
        name: of the model, and the start of its digest.
        each: faces of a class.
        confidence: of every prediction; by default the share of right ones.
        kept: share of the right ones that are right on changed faces too.
        classes: of the model.
        facts: further fields.
    """
    labels = labels_of(each, classes)
    if not isinstance(right, np.ndarray):
        right = np.repeat(np.arange(each) < right * each, len(classes))
    sure = float(right.mean()) if confidence is None else confidence
    predicted = np.where(right, labels, (labels + 1) % len(classes))
    probabilities = np.full((len(labels), len(classes)), (1 - sure) / (len(classes) - 1))
    probabilities[np.arange(len(labels)), predicted] = sure
    half = np.cumsum(right) <= kept * right.sum()
    correct = {UNCHANGED: right} | dict.fromkeys(CHANGES, right & half)
    values = {"model_sha256": f"sha of {name}", "megabytes": 3.0, "latency_ms": 4.0, "parity": 1e-6}
    values |= {"read_changed": lambda: correct}
    return Candidate(name, classes, labels=labels, probabilities=probabilities, **(values | facts))
