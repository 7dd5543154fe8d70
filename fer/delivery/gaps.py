"""How far a model's accuracy on groups of people lies apart, for its card."""

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.delivery.gates import RESAMPLES, SEED
from fer.evaluation.groups import gap_table, groups_of, people_of
from fer.evaluation.predictions import Split, scored_rows


def gaps_of(predictions: pd.DataFrame, dataset: FaceDataset) -> dict[str, float]:
    """``test.gap.<group column>``: how far accuracy on the best and worst read group lie apart, and its ``.p``.

    p is that of ``fer.evaluation.groups.gap_table``, corrected.

    Args:
        predictions: a model's table (``fer.evaluation.predictions``).
        dataset: whose test split it predicts.
    """
    labels, probabilities = scored_rows(predictions, dataset.classes, Split.TEST)
    groups, _ = groups_of(dataset, "test")
    right = probabilities.argmax(axis=1) == labels
    gaps = gap_table(right, groups, people_of(dataset, "test"), RESAMPLES, SEED).to_dict("records")
    return {f"test.gap.{row['property']}": row["gap"] for row in gaps} | {
        f"test.gap.{row['property']}.p": row["p_corrected"] for row in gaps
    }
