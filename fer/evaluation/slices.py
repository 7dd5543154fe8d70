"""Where models fail: accuracy on parts of a split, and the mistakes made most confidently."""

import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.emotions import FERPLUS_VOTES
from fer.evaluation.groups import groups_of, names_of, thirds
from fer.evaluation.intervals import bootstrap_intervals
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split, probability_columns
from fer.evaluation.scores import accuracy_of, confusion
from fer.sections import Compare

VOTES = r"^votes\."
#: What FER+'s taggers say of a label.
AGREE, OTHER, UNDECIDED = "FER+ taggers agree", "FER+ taggers say another emotion", "FER+ taggers undecided or no face"


def slices_of(dataset: FaceDataset, split: str) -> dict[str, np.ndarray]:
    """Parts of a split (``validation`` or ``test``) by name: bool ``[N]`` over its rows, in the data set's order.

    By what FER+'s taggers say where their votes are there, by the source's group columns, by thirds of brightness and
    contrast, and by whether the source's train split holds a copy.
    """
    rows = dataset.rows(split)
    table = dataset.table.loc[rows]
    parts: dict[str, np.ndarray] = {}
    if not ferplus_votes(table).empty:
        verdict = ferplus_verdict(table)
        parts |= {name: (verdict == name).to_numpy() for name in (AGREE, OTHER, UNDECIDED)}
    for name, values in (groups_of(dataset, split)[0] | thirds(dataset, split)).items():
        parts |= {f"{name}: {group}": values == group for group in names_of(name, values)}
    copied = table["train_copy"].to_numpy(bool)
    return parts | {"with a copy in the source's train split": copied, "without a copy": ~copied}


def ferplus_votes(table: pd.DataFrame) -> pd.DataFrame:
    """The vote columns under FER+'s own names; no column where the data set has none."""
    return table.filter(regex=VOTES).rename(columns=lambda name: name.removeprefix("votes."))


def ferplus_verdict(table: pd.DataFrame) -> pd.Series:
    """What FER+'s taggers say of every row's label: one of ``AGREE``, ``OTHER``, ``UNDECIDED``.

    The option with the most of the ten votes counts (Barsoum et al. 2016); a tie, "unknown", "contempt" and "not a
    face" decide for none of the seven emotions.
    """
    votes = ferplus_votes(table)
    most = votes.idxmax(axis=1).map(FERPLUS_VOTES).where(votes.eq(votes.max(axis=1), axis=0).sum(axis=1) == 1)
    return pd.Series(np.select([most.isna(), most == table["emotion"]], [UNDECIDED, AGREE], OTHER), index=table.index)


def slice_accuracy(folder: ModelFolder, members: np.ndarray, settings: Compare) -> tuple[float, float, float]:
    """Accuracy of the ten-view predictions on a part of the test split, and the ends of its 95 % bootstrap interval.

    Args:
        folder: the model.
        members: bool ``[N]`` over the test rows.
        settings: of the bootstrap.

    Returns:
        Three shares, 0 to 1; NaN for a part without images.
    """
    labels, probabilities = folder.scored(Split.TEST_TEN_VIEWS)
    return accuracy_with_interval(labels[members], probabilities[members], settings)


def accuracy_with_interval(
    labels: np.ndarray, probabilities: np.ndarray, settings: Compare
) -> tuple[float, float, float]:
    """Accuracy of predictions, and the ends of its 95 % bootstrap interval: 0 to 1; NaN of none.

    Args:
        labels: int64 ``[N]``.
        probabilities: float32 ``[N, C]``.
        settings: of the bootstrap.
    """
    matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    return accuracy_of(matrix), *bootstrap_intervals(matrix, settings.bootstrap, settings.seed)["accuracy"]


def confident_mistakes(folder: ModelFolder, dataset: FaceDataset, count: int) -> pd.DataFrame:
    """The ``count`` wrong ten-view predictions on test with the highest probability; copies of an image count once.

    Returns:
        Columns ``row`` (of the data set), ``emotion``, ``predicted`` and ``confidence`` (0 to 1), surest first.
    """
    table = folder.predictions.query("split == 'test'")
    probabilities = table[probability_columns(folder.classes, 10)].to_numpy()
    found = pd.DataFrame(
        {
            "row": table["row"].to_numpy(),
            "emotion": table["emotion"].to_numpy(),
            "predicted": np.array(folder.classes)[probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
            "picture": dataset.table["sha256"].loc[table["row"]].to_numpy(),
        }
    )
    wrong = found[found["emotion"] != found["predicted"]].sort_values(["confidence", "row"], ascending=[False, True])
    return wrong.drop_duplicates("picture", ignore_index=True).drop(columns="picture").head(count)
