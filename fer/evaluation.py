"""Metrics of predictions: accuracy and F1 with intervals, calibration."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, f1_score

CALIBRATION_BINS = 15


def accuracy_and_macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """Accuracy and macro-averaged F1 of the most probable class.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float ``[N, C]``.
    """
    predicted = probabilities.argmax(axis=1)
    macro = f1_score(labels, predicted, labels=range(probabilities.shape[1]), average="macro", zero_division=0)
    return float(accuracy_score(labels, predicted)), float(macro)


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


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error over 15 equal-width bins of confidence (Guo et al. 2017), 0 to 1."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - correct, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def best_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature that makes probabilities fit their labels best, by log-loss (Guo et al. 2017), 0.1 to 10.

    Args:
        labels: int ``[N]``, codes 0 to C-1; of images that the model was not trained on.
        probabilities: float ``[N, C]`` at temperature 1.
    """
    limit = np.log(10)
    found = minimize_scalar(lambda log_t: log_loss(labels, probabilities, np.exp(log_t)), bounds=(-limit, limit))
    return float(np.exp(found.x))


def calibrated_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The log-loss that is left when over- or underconfidence is taken out: that at the best temperature.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float ``[N, C]``.
    """
    return log_loss(labels, probabilities, best_temperature(labels, probabilities))


def log_loss(labels: np.ndarray, probabilities: np.ndarray, temperature: float = 1.0) -> float:
    """The mean negative logarithm of the labels' probabilities, with logits divided by a temperature.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float ``[N, C]``; rows need not sum to 1.
        temperature: above 0.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny)) / temperature
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


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


def bootstrap_intervals(matrix: np.ndarray, resamples: int, seed: int) -> dict[str, tuple[float, float]]:
    """95 % percentile bootstrap intervals (Efron 1979) of ``accuracy`` and ``macro_f1``.

    Resampling N predictions with replacement is a multinomial draw over the cells of their confusion matrix, so the
    resamples are drawn there.

    Args:
        matrix: int ``[C, C]``, labels by predictions.
        resamples: how many are drawn.
        seed: of the draw.
    """
    accuracy, f1 = _resampled(matrix, resamples, seed)
    return {name: _middle(values) for name, values in (("accuracy", accuracy), ("macro_f1", f1.mean(axis=1)))}


def f1_intervals(matrix: np.ndarray, resamples: int, seed: int) -> list[tuple[float, float]]:
    """95 % percentile bootstrap intervals of every class's F1, drawn like those of accuracy, in code order."""
    return [_middle(values) for values in _resampled(matrix, resamples, seed)[1].T]


def _resampled(matrix: np.ndarray, resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy ``[R]`` and F1 ``[R, C]`` of the resamples."""
    total = int(matrix.sum())
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(total, matrix.ravel() / total, size=resamples).reshape(resamples, *matrix.shape)
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    either = drawn.sum(axis=1) + drawn.sum(axis=2)
    return hits.sum(axis=1) / total, np.divide(2 * hits, either, out=np.zeros(hits.shape), where=either > 0)


def _middle(values: np.ndarray) -> tuple[float, float]:
    """The ends of the middle 95 %."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap_difference(right: np.ndarray, other: np.ndarray, resamples: int, seed: int) -> tuple[float, float, float]:
    """How much more accurate a model is than another on the same images, with its 95 % percentile bootstrap interval.

    Args:
        right: bool ``[N]``, whether the model reads each image rightly.
        other: bool ``[N]``, whether the other one does.
        resamples: how many are drawn.
        seed: of the draw.

    Returns:
        The difference of the accuracies, and the interval's ends, -1 to 1.
    """
    gains = right.astype(int) - other.astype(int)
    shares = np.bincount(gains + 1, minlength=3) / len(gains)
    drawn = np.random.default_rng(seed).multinomial(len(gains), shares, size=resamples)
    return float(gains.mean()), *_middle((drawn[:, 2] - drawn[:, 0]) / len(gains))
