"""How every model was trained: what each is and what made it."""

from collections.abc import Iterable

import pandas as pd

from fer.evaluation.model_folder import ModelFolder
from fer.report.seeds import title_of


def trainings_table(folders: list[ModelFolder], families: list[list[ModelFolder]]) -> pd.DataFrame:
    """What each model is and what made it: a line a fact, a column a model or a family of seeds."""
    groups = [(folder.run["title"], [folder]) for folder in folders]
    groups += [(title_of(family), family) for family in families]
    columns = []
    for _, group in groups:
        run = group[0].run
        facts = {
            "weights": run["weights"] + _teacher(group[0]),
            "epochs": f"{run['epochs']} (epoch {', '.join(str(one.run['best_epoch']) for one in group)} kept)",
            "minutes of all epochs": _each(_minutes(one) for one in group),
            "seed": _each(str(one.job.seed) for one in group),
            "precision chosen": run["precision"],
            "commit": _each(one.commit[:12] for one in group),
            "model sha256": _each(f"`{one.run['model_sha256'][:12]}`" for one in group),
        }
        recipe = pd.json_normalize({"recipe": run["recipe"]}, sep=": ").iloc[0]
        facts |= {str(name): value for name, value in recipe.items()}
        names = dict.fromkeys(name for one in group for name in one.run["software"])
        facts |= {f"software: {name}": _each(one.run["software"].get(name, "-") for one in group) for name in names}
        columns.append(pd.Series(facts))
    table = pd.concat(columns, axis=1).fillna("-").astype(str).set_axis([title for title, _ in groups], axis=1)
    return table.rename_axis("").reset_index()


def _each(facts: Iterable[str]) -> str:
    """The different ones of a family's facts."""
    return ", ".join(dict.fromkeys(facts))


def _minutes(folder: ModelFolder) -> str:
    if "minutes" not in folder.about:
        return "-"
    cores, accelerator = (folder.about.get(name) for name in ("cores", "accelerator"))
    machine = " and ".join(filter(None, (f"{cores} cores" if cores else "", accelerator)))
    return f"{folder.about['minutes']:.0f}" + (f" on {machine}" if machine else "")


def _teacher(folder: ModelFolder) -> str:
    teacher = folder.job.teacher
    return f"; targets: {100 * teacher.share:.0f} % answers of {teacher.members}" if teacher else ""
