"""One architecture trained by several seeds: how much of a figure is chance in the seed."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder

#: Columns of the table, and the metrics that they show.
SHOWN = {
    "validation accuracy": "validation.accuracy",
    "test accuracy": "test.accuracy",
    "ten views": "test_ten_views.accuracy",
    "without copied images": "test_without_copies.accuracy",
    "macro-F1": "test.macro_f1",
}


def families_of(folders: list[ModelFolder]) -> list[list[ModelFolder]]:
    """Those that differ in nothing but the seed together, two seeds at least, by seed; each seed counts once.

    Raises:
        UserError: where two families would have one title, since a recipe was changed between them.
    """
    families: dict[tuple[str, ...], dict[int, ModelFolder]] = {}
    for folder in folders:
        run, job = folder.run, folder.job
        # What a training began from and computed in depends on the machine, too.
        chosen = run["weights"], run["precision"], run["software"].get("backend", "")
        families.setdefault((replace(job, seed=0).key, *chosen), {}).setdefault(job.seed, folder)
    found = [[family[seed] for seed in sorted(family)] for family in families.values() if len(family) > 1]
    title, count = Counter(map(title_of, found)).most_common(1)[0] if found else ("", 0)
    if count > 1:
        paths = ", ".join(str(folder.path) for family in found if title_of(family) == title for folder in family)
        raise UserError(
            f"{title}: the recipe, the weights or the machine changed between its seeds ({paths}); rename the folders "
            "of one kind to a recipe's name of their own, or remove them"
        )
    return found


def repeat_name(folder: ModelFolder) -> str:
    """The name that a repeat's folder must have, ``<architecture>_<recipe>_<seed>``: its own where it has that form."""
    return folder.path.name if recipe_of(folder) else f"{folder.job.architecture}_<recipe>_{folder.job.seed}"


def recipe_of(folder: ModelFolder) -> str:
    """The recipe that a repeat's folder is named by; empty where the name has another form."""
    found = re.fullmatch(rf"{folder.job.architecture}_([a-z0-9_]+)_{folder.job.seed}", folder.path.name)
    return found[1] if found else ""


def title_of(family: list[ModelFolder]) -> str:
    """What a family is called: its architecture and the recipe that its repeats' folders name."""
    return f"{family[0].run['title']} by recipe {next(filter(None, map(recipe_of, family)))}"


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
