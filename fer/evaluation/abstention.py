"""The reject option: the probability above which a prediction is accepted, class by class."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta

from fer.evaluation.predictions import Split, scored_rows
from fer.inference.classifier import above_thresholds

#: Confidence level of the lower bound.
LEVEL = 0.95
#: Lower edges of the bands of probability, each 0.1 wide, that may be called certain. Below a half the other classes
#: together are likelier than the predicted one.
BANDS = (0.5, 0.6, 0.7, 0.8, 0.9)
#: A class or a band with fewer validation predictions is not called certain: of those few the luckiest would be chosen.
FEWEST = 20


def choose_thresholds(labels: np.ndarray, probabilities: np.ndarray, precision: float) -> np.ndarray:
    """The lowest probability per class above which predictions are correct often enough, in every band of probability.

    A classifier with a reject option (Chow 1970), with the risk chosen for every predicted class on its own. The share
    of correct predictions counts by its 95 % lower bound (Clopper and Pearson 1934): few predictions prove little.
    All classes share a floor: the lowest of ``BANDS`` from which on the accepted predictions of each band, of all
    classes together, are correct often enough. So the surest predictions of a class do not speak for its unsure ones.

    Args:
        labels: int ``[N]``, codes 0 to C-1; of images that the model was not trained on.
        probabilities: float ``[N, C]``.
        precision: share of correct ones, 0 to 1, that the accepted predictions of every class and band must have; both
            must have ``FEWEST`` predictions.

    Returns:
        float64 ``[C]``, 0.5 to 1: a prediction is accepted where its probability lies above it; with 1 none is.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
    correct = predicted == labels
    band = _band(confidence)
    for floor in BANDS:
        thresholds = np.array(
            [
                _threshold(confidence[predicted == code], correct[predicted == code], floor, precision)
                for code in range(probabilities.shape[1])
            ]
        )
        accepted = confidence > thresholds[predicted]
        bands = range(round(10 * floor), band.max(initial=0) + 1)  # above the surest prediction there is nothing
        counts = np.array([(accepted & (band == number)).sum() for number in bands])
        right = np.array([(accepted & (band == number) & correct).sum() for number in bands])
        if _enough(right, counts, precision).all():
            return thresholds
    return np.ones(probabilities.shape[1])


def _threshold(confidence: np.ndarray, correct: np.ndarray, floor: float, precision: float) -> float:
    """The lowest probability, not below ``floor``, above which one class's predictions are correct often enough."""
    order = np.argsort(-confidence, kind="stable")
    order = order[confidence[order] > floor]
    falling = np.append(confidence[order], floor)
    enough = _enough(np.cumsum(correct[order]), np.arange(1, len(order) + 1), precision)
    # Predictions of equal probability are accepted together or not at all.
    last = np.flatnonzero(enough & (falling[:-1] > falling[1:]))
    return float(falling[last[-1] + 1]) if len(last) else 1.0


def _enough(correct: np.ndarray, count: np.ndarray, precision: float) -> np.ndarray:
    """Whether these are enough predictions, and enough of them correct: bool ``[N]`` for int ``[N]``."""
    return (count >= FEWEST) & (lower_bound(correct, count) >= precision)


def lower_bound(correct: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The one-sided 95 % lower bound of a share: float64 ``[N]`` for int ``[N]`` correct ones of a ``count``."""
    return np.where(correct == 0, 0.0, beta.ppf(1 - LEVEL, np.maximum(correct, 1), count - correct + 1))


def upper_bound(correct: int, count: int) -> float:
    """The one-sided 95 % upper bound of a share of ``correct`` ones of a ``count`` above 0 (Clopper, Pearson 1934)."""
    return 1.0 if correct == count else float(beta.ppf(LEVEL, correct + 1, count - correct))


def thresholds_of(predictions: pd.DataFrame, classes: tuple[str, ...], precision: float) -> dict[str, float]:
    """Thresholds by class, chosen on the validation predictions from one view."""
    chosen = choose_thresholds(*scored_rows(predictions, classes, Split.VALIDATION), precision)
    return {name: float(value) for name, value in zip(classes, chosen, strict=True)}


@dataclass(frozen=True)
class Acceptance:
    """What a model's thresholds accept of its test predictions from one view.

    Attributes:
        thresholds: by class, in code order.
        predicted: int ``[N]``, codes of the likeliest classes.
        confidence: float ``[N]``, their probabilities.
        correct: bool ``[N]``, whether they are the labels.
        accepted: bool ``[N]``, whether their probability lies above the threshold.
    """

    thresholds: dict[str, float]
    predicted: np.ndarray
    confidence: np.ndarray
    correct: np.ndarray
    accepted: np.ndarray

    def bands(self) -> dict[str, np.ndarray]:
        """By band of probability that has accepted predictions: bool, whether each of these is correct."""
        members = {
            f"{low:.1f} to {low + 0.1:.1f}": self.correct[self.accepted & (_band(self.confidence) == round(10 * low))]
            for low in BANDS
        }
        return {name: correct for name, correct in members.items() if len(correct)}


def acceptance_of(predictions: pd.DataFrame, classes: tuple[str, ...], precision: float) -> Acceptance:
    """A model's test predictions under thresholds chosen on validation for this share of correct ones, 0 to 1."""
    thresholds = thresholds_of(predictions, classes, precision)
    labels, probabilities = scored_rows(predictions, classes, Split.TEST)
    predicted = probabilities.argmax(axis=1)
    accepted = above_thresholds(probabilities, np.array(list(thresholds.values())))
    return Acceptance(thresholds, predicted, probabilities.max(axis=1), predicted == labels, accepted)


def _band(confidence: np.ndarray) -> np.ndarray:
    """The tenth that a probability lies in, 0 to 9."""
    return (10 * confidence.astype(np.float64)).astype(int).clip(max=9)
