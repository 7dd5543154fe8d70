"""A model's predictions table: a row per validation and test image, and the splits that metrics are computed from.

Columns: ``row`` of the data set, ``source_id``, ``split``, ``emotion``, ``train_copy`` (whether the source's train
split holds the same image), ``predicted`` (from one view), and a probability per class from one view
(``p.<emotion>``) and as the mean of ten (``ten.<emotion>``).
"""

from enum import StrEnum
from typing import Self

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype

from fer.evaluation.metrics import evaluate
from fer.evaluation.scores import confusion

#: Prefixes of the columns of probabilities, by views.
ONE_VIEW, TEN_VIEWS = "p.", "ten."


class Split(StrEnum):
    """Which predictions a metric is computed from; its text is the first part of the metric's name.

    Attributes:
        part: the data set's split.
        views: of every face, whose mean is the prediction: 1, or 10 (test-time augmentation).
        copies: whether images count that the source's train split holds too.
    """

    part: str
    views: int
    copies: bool

    def __new__(cls, part: str, views: int, copies: bool) -> Self:
        """A member whose text its three attributes make up."""
        text = part + ("" if copies else "_without_copies") + ("" if views == 1 else "_ten_views")
        member = str.__new__(cls, text)
        member._value_ = text
        member.part, member.views, member.copies = part, views, copies
        return member

    VALIDATION = "validation", 1, True
    TEST = "test", 1, True
    TEST_WITHOUT_COPIES = "test", 1, False
    VALIDATION_TEN_VIEWS = "validation", 10, True
    TEST_TEN_VIEWS = "test", 10, True
    TEST_WITHOUT_COPIES_TEN_VIEWS = "test", 10, False


#: The metric that models are ranked and chosen by.
SCORE = f"{Split.VALIDATION}.macro_f1"


def probability_columns(classes: tuple[str, ...], views: int) -> list[str]:
    """The columns of the probabilities from ``views`` views (1 or 10), in code order."""
    return [f"{ONE_VIEW if views == 1 else TEN_VIEWS}{name}" for name in classes]


def scored_rows(predictions: pd.DataFrame, classes: tuple[str, ...], split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Labels int64 ``[N]`` and probabilities float32 ``[N, C]`` of a split of a predictions table."""
    rows = predictions[predictions["split"] == split.part]
    if not split.copies:
        rows = rows[~rows["train_copy"]]
    labels = pd.Categorical(rows["emotion"], categories=list(classes)).codes.astype(np.int64)
    return labels, rows[probability_columns(classes, split.views)].to_numpy(np.float32)


def confusion_of(predictions: pd.DataFrame, classes: tuple[str, ...], split: Split) -> np.ndarray:
    """The confusion matrix int64 ``[C, C]`` of a split of a predictions table: rows are labels, columns predictions."""
    labels, probabilities = scored_rows(predictions, classes, split)
    return confusion(labels, probabilities.argmax(axis=1), len(classes))


def split_metrics(predictions: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, float]:
    """The metrics of every ``Split`` of a predictions table: ``<split>.<metric>``."""
    return {
        f"{split}.{name}": value
        for split in Split
        for name, value in evaluate(*scored_rows(predictions, classes, split), classes).items()
    }


def with_predictions(
    table: pd.DataFrame, classes: tuple[str, ...], one_view: np.ndarray, ten_views: np.ndarray
) -> pd.DataFrame:
    """The table with other predictions for the same images.

    Args:
        table: has at least ``row``, ``source_id``, ``split``, ``emotion`` and ``train_copy``.
        classes: emotion names in code order.
        one_view: probabilities float32 ``[N, C]``; the likeliest class becomes ``predicted``.
        ten_views: probabilities float32 ``[N, C]``, the mean of ten views.
    """
    filled = table.assign(predicted=[classes[code] for code in one_view.argmax(axis=1)])
    for views, probabilities in ((1, one_view), (10, ten_views)):
        filled[probability_columns(classes, views)] = probabilities
    return filled


def problem_of(table: pd.DataFrame, classes: tuple[str, ...]) -> str:
    """What keeps a table from being predictions of these classes, in a few words; empty where nothing does."""
    probabilities = [*probability_columns(classes, 1), *probability_columns(classes, 10)]
    needed = ["row", "source_id", "split", "emotion", "train_copy", "predicted", *probabilities]
    if missing := [name for name in needed if name not in table]:
        return f"lacks the columns {', '.join(missing)}"
    wrong = [name for name in probabilities if not is_float_dtype(table[name])]
    wrong += [
        name for name, right in (("row", is_integer_dtype), ("train_copy", is_bool_dtype)) if not right(table[name])
    ]
    wrong += [name for name in ("emotion", "predicted") if not table[name].isin(classes).all()]
    wrong += [] if table["split"].isin([split.part for split in Split]).all() else ["split"]
    return f"other values than expected in {', '.join(wrong)}" if wrong else ""
