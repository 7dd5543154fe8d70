"""When a model had better not answer: the confidence that an answer must have, class by class."""

import numpy as np
import pandas as pd
from scipy.stats import beta

from fer.evaluation.model_folder import ModelFolder, scored_rows
from fer.inference.classifier import above_thresholds

#: How sure a threshold must be to keep its promise.
SURE = 0.95


def choose_thresholds(labels: np.ndarray, probabilities: np.ndarray, precision: float) -> np.ndarray:
    """The lowest confidence per class above which answers are right often enough.

    A classifier with a reject option (Chow 1970), with the risk chosen for every answered class on its own. The share
    of right answers counts by its 95 % lower bound (Clopper and Pearson 1934): few answers promise little.

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
        right, given = np.cumsum(labels[rows] == code), np.arange(1, len(rows) + 1)
        # Equal confidences stand or fall together.
        enough = np.flatnonzero((lower_bound(right, given) >= precision) & (sure[:-1] > sure[1:]))
        if len(enough):
            thresholds[code] = sure[enough[-1] + 1]
    return thresholds


def lower_bound(right: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The one-sided 95 % lower bound of a share: float64 ``[N]`` for int ``[N]`` right ones of those given."""
    return np.where(right == 0, 0.0, beta.ppf(1 - SURE, np.maximum(right, 1), given - right + 1))


def thresholds_of(predictions: pd.DataFrame, classes: tuple[str, ...], precision: float) -> dict[str, float]:
    """Thresholds by class, chosen on a predictions table's validation answers from one view."""
    chosen = choose_thresholds(*scored_rows(predictions, classes, "validation"), precision)
    return {name: float(value) for name, value in zip(classes, chosen, strict=True)}


def abstention_table(folders: list[ModelFolder], precision: float) -> pd.DataFrame:
    """A row a model: how many of its answers on test stand and how many of those are right, together and by class."""
    lines = []
    for folder in folders:
        thresholds = thresholds_of(folder.predictions, folder.classes, precision)
        labels, probabilities = folder.scored("test")
        answers = probabilities.argmax(axis=1)
        stand = above_thresholds(probabilities, np.array(list(thresholds.values())))
        line = {
            "architecture": folder.run["title"],
            "accuracy of all": f"{(answers == labels).mean():.3f}",
            "answers that stand": f"{stand.mean():.3f}",
            "accuracy of those": _share((answers == labels)[stand]),
        }
        for code, (name, threshold) in enumerate(thresholds.items()):
            of_class = (answers == labels)[stand & (answers == code)]
            line[name] = f"above {threshold:.2f}: {_share(of_class)} of {len(of_class)}" if threshold < 1 else "never"
        lines.append(line)
    return pd.DataFrame(lines)


def _share(right: np.ndarray) -> str:
    return f"{right.mean():.3f}" if len(right) else "-"
