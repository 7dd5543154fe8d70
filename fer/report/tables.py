"""Figures as text, and tables of texts as Markdown. Every number on a page for people is written here."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset

#: Shown for a figure that is not known.
UNKNOWN = "-"


def number(value: float | None, form: str = ".3f") -> str:
    """A figure as text; ``-`` for None and what is not a number."""
    return UNKNOWN if value is None or math.isnan(value) else f"{value:{form}}"


def estimate(ends: tuple[float, float, float], form: str = ".3f", unit: str = "", scale: float = 1) -> str:
    """A figure and the ends of its 95 % interval as text, ``0.709 [0.695, 0.722]``; ``-`` for what is not a number."""
    if math.isnan(ends[0]):
        return UNKNOWN
    value, low, high = (scale * end for end in ends)
    return f"{value:{form}}{unit} [{low:{form}}, {high:{form}}]"


def points(ends: tuple[float, float, float]) -> str:
    """A difference of shares in points, with its interval, ``-1.8 [-3.0, -0.7]``."""
    return estimate(ends, form="+.1f", scale=100)


def metric(figures: Mapping[Any, Any], name: str) -> str:
    """The figure ``name`` with its interval, from ``name``, ``name.low`` and ``name.high``."""
    return estimate(_ends(figures, name))


def percent(figures: Mapping[Any, Any], name: str) -> str:
    """The same in percent: ``70.9 % [69.5, 72.2]``."""
    return estimate(_ends(figures, name), form=".1f", unit=" %", scale=100)


def share(correct: np.ndarray) -> str:
    """The share of a bool ``[N]`` as text; ``-`` for none."""
    return number(correct.mean() if len(correct) else None)


def mean_and_spread(values: Sequence[float], form: str = ".3f") -> str:
    """Mean and sample standard deviation as text, ``0.703 ± 0.002``; ``-`` where one is not a number."""
    if any(map(math.isnan, values)):
        return UNKNOWN
    return f"{np.mean(values):{form}} ± {np.std(values, ddof=1):{form}}"


def heading(dataset: FaceDataset) -> str:
    """The line above every table: the data set, its number of test images, and evaluation labels corrected."""
    line = f"{dataset.name} ({dataset.fingerprint}), {len(dataset.rows('test'))} test images"
    if dataset.corrected and dataset.corrected.evaluation:
        return f"{line}, of validation and test {dataset.corrected.evaluation} labels corrected"
    return line


def markdown(table: pd.DataFrame) -> str:
    """A table of texts as Markdown."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _ends(figures: Mapping[Any, Any], name: str) -> tuple[float, float, float]:
    return figures[name], figures[f"{name}.low"], figures[f"{name}.high"]
