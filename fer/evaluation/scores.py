"""The two scores that a training shows of every epoch. Apart from the other metrics: a new one retrains nothing."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score


def accuracy_and_macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """Accuracy and macro-averaged F1 of the most probable class.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        probabilities: float ``[N, C]``.
    """
    predicted = probabilities.argmax(axis=1)
    macro = f1_score(labels, predicted, labels=range(probabilities.shape[1]), average="macro", zero_division=0)
    return float(accuracy_score(labels, predicted)), float(macro)
