"""Whether probabilities are as often right as they say, and the temperature that mends them."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

#: Equal-width bins of confidence behind a calibration error.
CALIBRATION_BINS = 15


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error over 15 equal-width bins of confidence (Guo et al. 2017), 0 to 1; NaN of no images."""
    if len(labels) == 0:
        return float("nan")
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
    logits = logits_of(probabilities.astype(np.float64)) / temperature
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Logits of probabilities ``[N, C]``, in their dtype: their logarithms, that of 0 finite too."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
