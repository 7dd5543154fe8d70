"""Accuracy of several models by what images measure and whom they show."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from fer.audit.effects import accuracies
from fer.audit.figures import near_leaks
from fer.data.dataset import FaceDataset
from fer.evaluation.groups import group_columns, third_of
from fer.evaluation.slices import AGREE, OTHER, UNDECIDED, ferplus_verdict, ferplus_votes

#: Measurements whose thirds are slices.
THIRDS = ("brightness", "contrast", "sharpness", "entropy", "symmetry", "face_likeness")
#: Values of a group column that are slices: those with most images.
VALUES = 12
#: Images of a slice below which its accuracy is not compared: it says too little.
FEWEST = 30


def properties(dataset: FaceDataset, table: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """By property, its parts of the test split: bool ``[N]`` over its rows, in the data set's order.

    Args:
        dataset: the faces.
        table: the audit's.
    """
    rows = dataset.rows("test")
    tested, measured = dataset.table.loc[rows], table.loc[rows]
    found: dict[str, dict[str, np.ndarray]] = {"label": _by_value(tested["emotion"], dataset.classes)}
    for name in group_columns(dataset.table):
        values = tested[name].astype(str)
        most = values[values != ""].value_counts().index[:VALUES]
        found[name] = _by_value(values, sorted(most))
    if ferplus_votes(tested).shape[1]:
        verdict = ferplus_verdict(tested)
        words = {"agree": AGREE, "another emotion": OTHER, "undecided": UNDECIDED}
        found["FER+ taggers"] = {word: (verdict == name).to_numpy() for word, name in words.items()}
    exact, near = tested["train_copy"].to_numpy(bool), near_leaks(table)[rows]
    found["copy in train"] = {"exact": exact, "near": near & ~exact, "none": ~near & ~exact}
    for name in THIRDS:
        third = third_of(measured[name].to_numpy())
        parts = {word: third == number for number, word in enumerate(("lowest third", "middle third", "highest third"))}
        found[name.replace("_", " ")] = parts
    flawed = measured.filter(like="flaw_").any(axis=1).to_numpy(bool)
    found["flaws"] = {"none": ~flawed, "one or more": flawed}
    # A property that all test images share says nothing.
    held = {name: {part: rows for part, rows in parts.items() if rows.any()} for name, parts in found.items()}
    return {name: parts for name, parts in held.items() if len(parts) > 1}


def slice_table(
    dataset: FaceDataset, table: pd.DataFrame, models: Mapping[str, np.ndarray], resamples: int, seed: int
) -> pd.DataFrame:
    """Accuracy of every model on every part of every property, with its 95 % bootstrap interval.

    Args:
        dataset: the faces.
        table: the audit's.
        models: float ``[N, C]`` of the test split by the model's name.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Columns ``property``, ``part``, ``model``, ``images``, ``accuracy``, ``low``, ``high``; no row without models.
    """
    labels = dataset.labels[dataset.rows("test")]
    tables = [
        accuracies(labels, models, parts, resamples, seed).assign(property=name)
        for name, parts in properties(dataset, table).items()
        if models
    ]
    columns = ["property", "part", "model", "images", "accuracy", "low", "high"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def widest_gaps(slices: pd.DataFrame, best: str, most: int = 3) -> list[str]:
    """The properties on whose parts a model's accuracy differs most, in words; parts of few images do not count."""
    said: list[tuple[float, str]] = []
    for name, part in slices[(slices["model"] == best) & (slices["images"] >= FEWEST)].groupby("property", sort=False):
        worst_first = part.sort_values("accuracy", kind="stable").to_dict("records")
        low, high = worst_first[0], worst_first[-1]
        gap = float(high["accuracy"] - low["accuracy"])
        words = f"{name}: {low['part']} {low['accuracy']:.0%}, {high['part']} {high['accuracy']:.0%}"
        said.append((gap, words + (", intervals apart" if low["high"] < high["low"] else ", intervals overlap")))
    return [words for gap, words in sorted(said, key=lambda one: -one[0])[:most] if gap > 0]


def _by_value(values: pd.Series, names: Iterable[str]) -> dict[str, np.ndarray]:
    return {str(name): (values == name).to_numpy() for name in names}
