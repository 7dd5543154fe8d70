"""What copies and doubtful labels change in test figures: accuracy of several models on parts of the test split."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fer.audit.figures import near_leaks
from fer.data.dataset import FaceDataset
from fer.evaluation.intervals import bootstrap_intervals
from fer.evaluation.scores import accuracy_of, confusion
from fer.evaluation.slices import AGREE, ferplus_verdict, ferplus_votes


def parts_of_test(dataset: FaceDataset, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Parts of the test split by name: bool ``[N]`` over its rows, in the data set's order.

    Args:
        dataset: the faces.
        table: the audit's.
    """
    rows = dataset.rows("test")
    tested = dataset.table.loc[rows]
    exact = tested["train_copy"].to_numpy(bool)
    near = near_leaks(table)[rows]
    parts = {
        "all": np.ones(len(rows), bool),
        "without exact copies": ~exact,
        "without exact and near copies": ~(exact | near),
        "near copies alone": near & ~exact,
    }
    if not ferplus_votes(tested).empty:
        parts["FER+ agrees"] = (ferplus_verdict(tested) == AGREE).to_numpy()
    return parts


def accuracies(
    labels: np.ndarray, models: Mapping[str, np.ndarray], parts: Mapping[str, np.ndarray], resamples: int, seed: int
) -> pd.DataFrame:
    """Accuracy of every model on every part, with its 95 % bootstrap interval.

    Args:
        labels: int ``[N]``, codes of the test split.
        models: float ``[N, C]`` by the model's name.
        parts: bool ``[N]`` by the part's name.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Columns ``model``, ``part``, ``images``, ``accuracy``, ``low`` and ``high`` (0 to 1; NaN for no images).
    """
    rows = []
    for model, probabilities in models.items():
        for part, members in parts.items():
            matrix = confusion(labels[members], probabilities[members].argmax(axis=1), probabilities.shape[1])
            low, high = bootstrap_intervals(matrix, resamples, seed)["accuracy"]
            rows.append((model, part, int(members.sum()), accuracy_of(matrix), low, high))
    return pd.DataFrame(rows, columns=["model", "part", "images", "accuracy", "low", "high"])
