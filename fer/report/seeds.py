"""One training repeated by several seeds: how far its figures vary by chance."""

import re
from collections import Counter
from dataclasses import replace

import pandas as pd

from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.report.tables import mean_and_spread, number

#: Columns of the table, and the metrics that they show.
SHOWN = {
    "validation accuracy": f"{Split.VALIDATION}.accuracy",
    "test accuracy": f"{Split.TEST}.accuracy",
    "ten views": f"{Split.TEST_TEN_VIEWS}.accuracy",
    "without copied images": f"{Split.TEST_WITHOUT_COPIES}.accuracy",
    "macro-F1": f"{Split.TEST}.macro_f1",
}


def seed_groups(folders: list[ModelFolder]) -> list[list[ModelFolder]]:
    """The trainings that differ in nothing but the seed, grouped; two seeds at least, by seed, each counted once.

    Raises:
        UserError: where two groups would have one title, since a recipe was changed between them.
    """
    groups: dict[tuple[str, ...], dict[int, ModelFolder]] = {}
    for folder in folders:
        run, job = folder.run, folder.job
        # What a training began from and computed in depends on the machine, too.
        chosen = run.weights, run.precision, run.software.get("backend", "")
        groups.setdefault((replace(job, seed=0).key, *chosen), {}).setdefault(job.seed, folder)
    found = [[group[seed] for seed in sorted(group)] for group in groups.values() if len(group) > 1]
    title, count = Counter(map(title_of, found)).most_common(1)[0] if found else ("", 0)
    if count > 1:
        paths = ", ".join(str(folder.path) for group in found if title_of(group) == title for folder in group)
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


def title_of(group: list[ModelFolder]) -> str:
    """What the seeds of one training are called: the architecture and the recipe that their folders name."""
    return f"{group[0].run.title} by recipe {next(filter(None, map(recipe_of, group)))}"


def seeds_table(groups: list[list[ModelFolder]]) -> pd.DataFrame:
    """A row a training, and below the seeds of one training their mean and sample standard deviation.

    Args:
        groups: of ``seed_groups``.
    """
    lines = []
    for group in groups:
        title = title_of(group)
        figures = {column: [folder.metrics[name] for folder in group] for column, name in SHOWN.items()}
        for place, folder in enumerate(group):
            line = {column: number(values[place]) for column, values in figures.items()}
            lines.append({"training": title, "seed": str(folder.job.seed)} | line)
        spread = {column: mean_and_spread(values) for column, values in figures.items()}
        lines.append({"training": f"{title}, mean of {len(group)}", "seed": ""} | spread)
    return pd.DataFrame(lines)
