"""Bootstrap intervals of metrics, and of the difference between two models on the same images."""

import numpy as np

from fer.evaluation.scores import f1_scores


def bootstrap_intervals(matrix: np.ndarray, resamples: int, seed: int) -> dict[str, tuple[float, float]]:
    """95 % percentile bootstrap intervals (Efron 1979) of ``accuracy`` and ``macro_f1``.

    Resampling N predictions with replacement is a multinomial draw over the cells of their confusion matrix, so the
    resamples are drawn there. The interval of no images is NaN to NaN.

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
    if total == 0:
        return np.full(resamples, np.nan), np.full((resamples, len(matrix)), np.nan)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(total, matrix.ravel() / total, size=resamples).reshape(resamples, *matrix.shape)
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    return hits.sum(axis=1) / total, f1_scores(drawn)


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
        The difference of the accuracies, and the interval's ends, -1 to 1; NaN of no images.
    """
    if len(right) == 0:
        return float("nan"), float("nan"), float("nan")
    gains = right.astype(int) - other.astype(int)
    shares = np.bincount(gains + 1, minlength=3) / len(gains)
    drawn = np.random.default_rng(seed).multinomial(len(gains), shares, size=resamples)
    return float(gains.mean()), *_middle((drawn[:, 2] - drawn[:, 0]) / len(gains))


def macro_f1_difference(
    labels: np.ndarray, predicted: np.ndarray, other: np.ndarray, classes: int, resamples: int, seed: int
) -> tuple[float, float, float]:
    """How much better a model's macro-F1 is than another's on the same images, with its 95 % bootstrap interval.

    Images are resampled with what both models said of them: a multinomial draw over labels by both.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        predicted: int ``[N]``, the model's predictions.
        other: int ``[N]``, the other one's.
        classes: C.
        resamples: how many are drawn.
        seed: of the draw.

    Returns:
        The difference, and the interval's ends, -1 to 1; NaN of no images.
    """
    if len(labels) == 0:
        return float("nan"), float("nan"), float("nan")
    cells = np.bincount((labels * classes + predicted) * classes + other, minlength=classes**3)
    drawn = np.random.default_rng(seed).multinomial(len(labels), cells / len(labels), size=resamples)
    both = np.concatenate([cells[None], drawn]).reshape(-1, classes, classes, classes)
    gains = (f1_scores(both.sum(axis=3)) - f1_scores(both.sum(axis=2))).mean(axis=1)
    return float(gains[0]), *_middle(gains[1:])


def mean_interval(values: np.ndarray, resamples: int, seed: int) -> tuple[float, float, float]:
    """A mean of float ``[N]`` with its 95 % percentile bootstrap interval; NaN of no values."""
    if len(values) == 0:
        return float("nan"), float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    return float(values.mean()), *_middle(values[drawn].mean(axis=1))


def bootstrap_difference_of_parts(part: np.ndarray, rest: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the difference between two groups' shares: -1 to 1.

    Args:
        part: bool ``[N]``, not empty.
        rest: bool ``[M]`` of other images, not empty.
        resamples: how many are drawn.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    one, other = (rng.binomial(len(group), group.mean(), resamples) / len(group) for group in (part, rest))
    return _middle(one - other)
