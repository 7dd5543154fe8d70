"""The reject option: the probability above which a prediction is accepted, class by class."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta

from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split, scored_rows
from fer.inference.classifier import above_thresholds

#: Confidence level of the lower bound.
LEVEL = 0.95


def choose_thresholds(labels: np.ndarray, probabilities: np.ndarray, precision: float) -> np.ndarray:
    """The lowest probability per class above which predictions are correct often enough.

    A classifier with a reject option (Chow 1970), with the risk chosen for every predicted class on its own. The share
    of correct predictions counts by its 95 % lower bound (Clopper and Pearson 1934): few predictions prove little.

    Args:
        labels: int ``[N]``, codes 0 to C-1; of images that the model was not trained on.
        probabilities: float ``[N, C]``.
        precision: share of correct ones, 0 to 1, that the predictions above the threshold must have.

    Returns:
        float64 ``[C]``: a prediction is accepted where its probability lies above it. 0 accepts every prediction of a
        class, 1 none.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
    thresholds = np.ones(probabilities.shape[1])
    for code in range(len(thresholds)):
        rows = np.flatnonzero(predicted == code)
        rows = rows[np.argsort(-confidence[rows], kind="stable")]
        falling = np.append(confidence[rows], 0.0)
        correct, count = np.cumsum(labels[rows] == code), np.arange(1, len(rows) + 1)
        # Predictions of equal probability are accepted together or not at all.
        enough = np.flatnonzero((lower_bound(correct, count) >= precision) & (falling[:-1] > falling[1:]))
        if len(enough):
            thresholds[code] = falling[enough[-1] + 1]
    return thresholds


def lower_bound(correct: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The one-sided 95 % lower bound of a share: float64 ``[N]`` for int ``[N]`` correct ones of a ``count``."""
    return np.where(correct == 0, 0.0, beta.ppf(1 - LEVEL, np.maximum(correct, 1), count - correct + 1))


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
        correct: bool ``[N]``, whether they are the labels.
        accepted: bool ``[N]``, whether their probability lies above the threshold.
    """

    thresholds: dict[str, float]
    predicted: np.ndarray
    correct: np.ndarray
    accepted: np.ndarray


def acceptance_of(folder: ModelFolder, precision: float) -> Acceptance:
    """A model's test predictions under thresholds chosen on validation for this share of correct ones, 0 to 1."""
    thresholds = thresholds_of(folder.predictions, folder.classes, precision)
    labels, probabilities = folder.scored(Split.TEST)
    predicted = probabilities.argmax(axis=1)
    accepted = above_thresholds(probabilities, np.array(list(thresholds.values())))
    return Acceptance(thresholds, predicted, predicted == labels, accepted)
