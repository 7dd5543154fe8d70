"""The table of how every model was trained: weights, epochs, machine, recipe, software."""

from collections.abc import Iterable

import pandas as pd

from fer.evaluation.model_folder import ModelFolder
from fer.report.seeds import title_of
from fer.report.tables import UNKNOWN


def details_table(folders: list[ModelFolder], groups: list[list[ModelFolder]]) -> pd.DataFrame:
    """How each model was trained: a line a fact, a column a model or the seeds of one training.

    Args:
        folders: the models.
        groups: of ``fer.report.seeds.seed_groups``.
    """
    columns = {folder.run.title: _details([folder]) for folder in folders}
    columns |= {title_of(group): _details(group) for group in groups}
    table = pd.concat(columns.values(), axis=1).fillna(UNKNOWN).astype(str).set_axis(list(columns), axis=1)
    return table.rename_axis("").reset_index()


def _details(group: list[ModelFolder]) -> pd.Series:
    run = group[0].run
    facts = {
        "weights": run.weights + _teacher(group[0]),
        "epochs": f"{run.epochs} (epoch {', '.join(str(one.run.best_epoch) for one in group)} kept)",
        "minutes of all epochs": _each(_minutes(one) for one in group),
        "seed": _each(str(one.job.seed) for one in group),
        "precision used": run.precision,
        "commit": _each(one.commit[:12] for one in group),
        "model sha256": _each(f"`{one.run.model_sha256[:12]}`" for one in group),
    }
    recipe = pd.json_normalize({"recipe": run.recipe.model_dump()}, sep=": ").iloc[0]
    facts |= {str(name): value for name, value in recipe.items()}
    names = dict.fromkeys(name for one in group for name in one.run.software)
    facts |= {f"software: {name}": _each(one.run.software.get(name, UNKNOWN) for one in group) for name in names}
    return pd.Series(facts)


def _each(facts: Iterable[str]) -> str:
    """The different ones of some facts."""
    return ", ".join(dict.fromkeys(facts))


def _minutes(folder: ModelFolder) -> str:
    provenance = folder.provenance
    if provenance is None or provenance.minutes is None:
        return UNKNOWN
    machine = " and ".join(
        filter(None, (f"{provenance.cores} cores" if provenance.cores else "", provenance.accelerator))
    )
    return f"{provenance.minutes:.0f}" + (f" on {machine}" if machine else "")


def _teacher(folder: ModelFolder) -> str:
    teacher = folder.job.teacher
    if teacher is None:
        return ""
    return f"; targets: {100 * teacher.share:.0f} % {'predictions of ' if teacher.is_model else ''}{teacher.members}"
