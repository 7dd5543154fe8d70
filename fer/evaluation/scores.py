"""The confusion matrix, and the scores that a training shows of every epoch.

Apart from the other metrics: a new one retrains nothing.
"""

import numpy as np


def accuracy_and_macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """Accuracy and macro-averaged F1 of the most probable class; NaN of no images.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float ``[N, C]``.
    """
    matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    return accuracy_of(matrix), float(f1_scores(matrix).mean())


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """int64 ``[C, C]``: rows are labels, columns predictions."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def accuracy_of(matrix: np.ndarray) -> float:
    """The share of right predictions in a confusion matrix int ``[C, C]``; NaN of no images."""
    total = int(matrix.sum())
    return int(np.trace(matrix)) / total if total else float("nan")


def f1_scores(matrix: np.ndarray) -> np.ndarray:
    """F1 of every class: float64 ``[..., C]`` of confusion matrices int ``[..., C, C]``.

    0 for a class that neither labels nor predictions have; NaN for all classes of a matrix of no images.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    either = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    scores = np.divide(2 * hits, either, out=np.zeros(hits.shape), where=either > 0)
    return np.where(either.any(axis=-1, keepdims=True), scores, np.nan)
