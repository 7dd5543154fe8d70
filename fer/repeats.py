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


def families_of(folders: list[ModelFolder]) -> list[list[ModelFolder]]:
    """Those that differ in nothing but the seed together, two seeds at least, by seed; each seed counts once."""
    families: dict[tuple[str, ...], dict[int, ModelFolder]] = {}
    for folder in folders:
        run, job = folder.run, folder.job
        # What a training began from and computed in depends on the machine, too.
        chosen = run["weights"], run["precision"], run["software"].get("backend", "")
        families.setdefault((replace(job, seed=0).key, *chosen), {}).setdefault(job.seed, folder)
    return [[family[seed] for seed in sorted(family)] for family in families.values() if len(family) > 1]


def repeat_name(folder: ModelFolder) -> str:
    """The name that a repeat's folder must have, ``<architecture>_<recipe>_<seed>``: its own where it has that form."""
    job, name = folder.job, folder.path.name
    fits = name.startswith(f"{job.architecture}_") and name.endswith(f"_{job.seed}")
    return name if fits else f"{job.architecture}_<recipe>_{job.seed}"


def title_of(family: list[ModelFolder]) -> str:
    """What a family is called: its architecture and the recipe that its repeats' folders name."""
    folder = next(folder for folder in family if folder.path.name != folder.name)
    recipe = folder.path.name.removeprefix(f"{folder.job.architecture}_").removesuffix(f"_{folder.job.seed}")
    return f"{folder.run['title']} by recipe {recipe}"


def seeds_table(families: list[list[ModelFolder]]) -> pd.DataFrame:
    """A row a training, and below every family its mean and sample standard deviation.

    Args:
        families: of ``families_of``.
    """
    lines = []
    for family in families:
        title = title_of(family)
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
