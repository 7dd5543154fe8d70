"""Labels to look at again: a classifier that has not seen an image says what it would call it.

The probabilities are out of fold: an image's come from a classifier trained on other images, and copies of an image are
always in the same fold. Confident learning (Northcutt, Jiang and Chuang 2021) as cleanlab has it then ranks the labels.
"""

import warnings

import cv2
import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedGroupKFold

from fer.audit.discriminants import discriminants
from fer.audit.progress import Steps, silent

#: Folds of the cross-validation.
FOLDS = 5
#: Labels that a person may look at first: where precision is measured.
BUDGETS = (100, 500, 2000)


def gradients(images: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients (Dalal and Triggs 2005), 5x5 blocks of 2x2 cells: float32 ``[N, 900]``.

    No label has gone into them, unlike into a trained network's embedding.

    Args:
        images: uint8 ``[N, 48, 48]``.
    """
    side = images.shape[1]
    cell = side // 6
    descriptor = cv2.HOGDescriptor((side,) * 2, (2 * cell,) * 2, (cell,) * 2, (cell,) * 2, 9)
    return np.stack([np.ravel(descriptor.compute(np.ascontiguousarray(image))) for image in images])


def out_of_fold(
    points: np.ndarray, labels: np.ndarray, groups: np.ndarray, classes: int, seed: int, steps: Steps = silent
) -> np.ndarray:
    """Every image's class probabilities by linear discriminants that were fitted to neither it nor a copy of it.

    Args:
        points: float ``[N, D]``: what describes the images.
        labels: int ``[N]``, codes 0 to C-1.
        groups: int ``[N]``: equal for copies of one image.
        classes: C.
        seed: of the folds.
        steps: told how many folds are done.

    Returns:
        float64 ``[N, C]``, rows that sum to 1. Where there is nothing to learn from, the shares of the classes.
    """
    shares = np.bincount(labels, minlength=classes) / len(labels)
    # As many folds as the largest class has images: with more, nothing is left to stratify.
    parts = min(FOLDS, len(np.unique(groups)), int(np.bincount(labels).max()))
    if parts < 2:  # all images are copies of one, or there is one of each class
        return np.tile(shares, (len(points), 1))
    probabilities = np.zeros((len(points), classes))
    folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with fewer images than folds
        for number, (train, held_out) in enumerate(folds.split(points, labels, groups), start=1):
            known = len(np.unique(labels[train]))
            if known < 2 or len(train) <= known:  # nothing to learn from
                probabilities[held_out] = shares
            else:
                # The fewer images for the dimensions, the less their covariances are worth.
                dimensions = points.shape[1]
                shrinkage = dimensions / (dimensions + len(train))
                model = discriminants(points[train], labels[train], shrinkage)
                probabilities[np.ix_(held_out, model.classes)] = model.probabilities(points[held_out])
            steps(number, parts)
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def audit_labels(labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> pd.DataFrame:
    """Every label's quality, by probabilities of a classifier that has not seen the image.

    Args:
        labels: int ``[N]``, codes of ``classes``.
        probabilities: float ``[N, C]``, out of fold.
        classes: names of the codes.

    Returns:
        One row per image: ``label_quality`` (0 to 1, the lower the likelier the label is wrong: the label's probability
        less the highest of the others, scaled), ``label_doubtful`` (bool: wrong by confident learning), ``suggested``
        (the likeliest class) and ``suggested_probability``.
    """
    quality = get_label_quality_scores(labels, probabilities, method="normalized_margin")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where it finds every image of a class doubtful
        doubtful = find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1)
    return pd.DataFrame(
        {
            "label_quality": quality,
            "label_doubtful": doubtful,
            "suggested": np.array(classes)[probabilities.argmax(axis=1)],
            "suggested_probability": probabilities.max(axis=1),
        }
    )


def ranking_figures(wrong: np.ndarray, quality: np.ndarray, flagged: np.ndarray) -> dict[str, float]:
    """How well a ranking finds labels that are known to be wrong.

    Args:
        wrong: bool ``[N]``.
        quality: float ``[N]``, lowest first.
        flagged: bool ``[N]``.

    Returns:
        ``images``, ``base_rate``, ``flagged`` (share), ``precision_at_<n>`` of the ``BUDGETS`` that are no larger than
        the data, and where they are defined ``flagged_precision``, ``flagged_recall`` and ``average_precision``; shares
        from 0 to 1.
    """
    order = np.argsort(quality, kind="stable")
    figures = {"images": float(len(wrong)), "base_rate": float(wrong.mean()), "flagged": float(flagged.mean())}
    for budget in BUDGETS:
        if budget <= len(wrong):
            figures[f"precision_at_{budget}"] = float(wrong[order[:budget]].mean())
    if flagged.any():
        figures["flagged_precision"] = float(wrong[flagged].mean())
    if wrong.any():
        figures["flagged_recall"] = float(flagged[wrong].mean())
        figures["average_precision"] = float(average_precision_score(wrong, -quality))
    return figures
