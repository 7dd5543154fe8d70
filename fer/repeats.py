"""One architecture trained by several seeds: how much of a figure is chance in the seed."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer.outputs import ModelFolder

#: Columns of the table, and the metrics that they show.
SHOWN = {
    "validation accuracy": "validation.accuracy",
    "test accuracy": "test.accuracy",
    "ten views": "test_ten_views.accuracy",
    "without copied images": "test_without_copies.accuracy",
    "macro-F1": "test.macro_f1",
}


def repeats_of(own: ModelFolder, trained: list[ModelFolder]) -> list[ModelFolder]:
    """Those of ``trained`` that are ``own``'s training by another seed, by seed; each seed counts once."""
    seeds = {own.job.seed: own}
    for folder in trained:
        if replace(folder.job, seed=own.job.seed) == own.job:
            seeds.setdefault(folder.job.seed, folder)
    return [folder for _, folder in sorted(seeds.items()) if folder is not own]


def seeds_table(families: list[list[ModelFolder]]) -> pd.DataFrame:
    """A row a training, and below every family its mean and sample standard deviation.

    Args:
        families: trainings, two at least, that differ in nothing but the seed.
    """
    lines = []
    for family in families:
        title = family[0].run["title"]
        figures = {column: [folder.metrics[name] for folder in family] for column, name in SHOWN.items()}
        for number, folder in enumerate(family):
            line = {column: f"{values[number]:.3f}" for column, values in figures.items()}
            lines.append({"training": title, "seed": str(folder.job.seed)} | line)
        spread = {column: mean_and_spread(values) for column, values in figures.items()}
        lines.append({"training": f"{title}, mean of {len(family)}", "seed": ""} | spread)
    return pd.DataFrame(lines)


def mean_and_spread(values: list[float], digits: int = 3) -> str:
    """Mean and sample standard deviation of some figures as text."""
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"
