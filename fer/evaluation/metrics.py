"""Metrics of predictions: accuracy, F1 per class and calibration error of a split."""

import numpy as np

from fer.evaluation.calibration import calibration_error
from fer.evaluation.scores import accuracy_of, confusion, f1_scores


def evaluate(labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
    """The flat metrics of one split: ``accuracy``, ``macro_f1``, ``f1.<emotion>``, ``ece``, ``support``.

    Of no images ``support`` is 0 and every other metric NaN.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float ``[N, C]``, rows that sum to 1.
        classes: the names of the codes.
    """
    matrix = confusion(labels, probabilities.argmax(axis=1), len(classes))
    f1 = f1_scores(matrix)
    metrics = {"accuracy": accuracy_of(matrix), "macro_f1": float(f1.mean())}
    metrics |= {f"f1.{name}": float(value) for name, value in zip(classes, f1, strict=True)}
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
        labels int64 ``[M]``, codes of ``kept``, and probabilities ``[M, K]``, rows that sum to 1. Where all kept
        classes have probability 0, the model does not separate them: each gets the same probability.
    """
    codes = [classes.index(name) for name in kept]
    rows = np.isin(labels, codes)
    chosen = probabilities[rows][:, codes]
    new_codes = np.full(len(classes), -1)
    new_codes[codes] = np.arange(len(codes))
    total = chosen.sum(axis=1, keepdims=True)
    even = np.full_like(chosen, 1 / len(codes))
    return new_codes[labels[rows]], np.divide(chosen, total, out=even, where=total > 0)
