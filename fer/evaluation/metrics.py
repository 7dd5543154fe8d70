"""Metrics of predictions: accuracy, F1 per class and calibration error of a split."""

import numpy as np
from sklearn.metrics import f1_score

from fer.evaluation.calibration import calibration_error
from fer.evaluation.scores import accuracy_and_macro_f1


def evaluate(labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
    """The flat metrics of one split: ``accuracy``, ``macro_f1``, ``f1.<emotion>``, ``ece``, ``support``.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float ``[N, C]``, rows that sum to 1.
        classes: the names of the codes.
    """
    accuracy, macro = accuracy_and_macro_f1(labels, probabilities)
    per_class = f1_score(
        labels, probabilities.argmax(axis=1), labels=range(len(classes)), average=None, zero_division=0
    )
    metrics = {"accuracy": accuracy, "macro_f1": macro}
    metrics |= {f"f1.{name}": float(value) for name, value in zip(classes, per_class, strict=True)}
    return metrics | {"ece": calibration_error(labels, probabilities), "support": float(len(labels))}


def restrict(
    labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...], kept: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """A task restricted to some of its classes: images with those labels, and probabilities among those classes.

    Args:
        labels: int ``[N]``, codes of ``classes``.
        probabilities: float ``[N, C]``.
        classes: names of the codes.
        kept: the classes to keep, all of them in ``classes``.

    Returns:
        labels int64 ``[M]``, codes of ``kept``, and probabilities ``[M, K]``, rows that sum to 1.
    """
    codes = [classes.index(name) for name in kept]
    rows = np.isin(labels, codes)
    chosen = probabilities[rows][:, codes]
    new_codes = np.full(len(classes), -1)
    new_codes[codes] = np.arange(len(codes))
    return new_codes[labels[rows]], chosen / chosen.sum(axis=1, keepdims=True)


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """int64 ``[C, C]``: rows are labels, columns predictions."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)
