"""When a model had better not answer: the confidence that an answer must have, class by class."""

import numpy as np
import pandas as pd

from fer.inference.classifier import above_thresholds
from fer.outputs import ModelFolder


def choose_thresholds(labels: np.ndarray, probabilities: np.ndarray, precision: float) -> np.ndarray:
    """The lowest confidence per class above which answers are right often enough.

    A classifier with a reject option (Chow 1970), with the risk chosen for every answered class on its own.

    Args:
        labels: int ``[N]``, codes 0 to C-1; of images that the model was not trained on.
        probabilities: float ``[N, C]``.
        precision: share of right ones, 0 to 1, that the answers above the threshold must have.

    Returns:
        float64 ``[C]``: answers whose probability lies above it stand. 0 lets all answers of a class stand, 1 none.
    """
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
    thresholds = np.ones(probabilities.shape[1])
    for code in range(len(thresholds)):
        rows = np.flatnonzero(answers == code)
        rows = rows[np.argsort(-confidence[rows], kind="stable")]
        sure = np.append(confidence[rows], 0.0)
        standing = np.cumsum(labels[rows] == code) / np.arange(1, len(rows) + 1)
        # Equal confidences stand or fall together.
        enough = np.flatnonzero((standing >= precision) & (sure[:-1] > sure[1:]))
        if len(enough):
            thresholds[code] = sure[enough[-1] + 1]
    return thresholds


def thresholds_of(folder: ModelFolder, precision: float) -> dict[str, float]:
    """A model's thresholds by class, chosen on its validation answers from one view."""
    chosen = choose_thresholds(*folder.scored("validation"), precision)
    return {name: float(value) for name, value in zip(folder.classes, chosen, strict=True)}


def abstention_table(folders: list[ModelFolder], precision: float) -> pd.DataFrame:
    """A row a model: how many of its answers on test stand, how many of those are right, and the thresholds."""
    lines = []
    for folder in folders:
        thresholds = thresholds_of(folder, precision)
        labels, probabilities = folder.scored("test")
        right = probabilities.argmax(axis=1) == labels
        stand = above_thresholds(probabilities, np.array(list(thresholds.values())))
        lines.append(
            {
                "architecture": folder.run["title"],
                "accuracy of all": f"{right.mean():.3f}",
                "answers that stand": f"{stand.mean():.3f}",
                "accuracy of those": f"{right[stand].mean():.3f}" if stand.any() else "-",
            }
            | {f"threshold {name}": f"{value:.2f}" for name, value in thresholds.items()}
        )
    return pd.DataFrame(lines)
