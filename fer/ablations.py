"""What every part of a training brings: the same architecture with one thing changed at a time."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer.comparison import intervals, with_interval
from fer.evaluation import bootstrap_difference
from fer.outputs import ModelFolder
from fer.params import Compare, Params

COLUMNS = (
    "training",
    "validation accuracy without copied images",
    "difference in points",
    "test accuracy",
    "ten views",
    "without copied images",
    "macro-F1",
    "epochs",
    "precision",
    "commit",
    "command",
)


@dataclass(frozen=True)
class Ablation:
    """A training and what it differs in: the first of a list is the one that the others are compared with.

    Attributes:
        label: what the table calls it.
        command: trains it once more.
        folder: its files.
    """

    label: str
    command: str
    folder: ModelFolder


def finished_ablations(params: Params, own: ModelFolder, student: ModelFolder | None, trained: Path) -> list[Ablation]:
    """An architecture's own training, the distilled one, and the ablations that belong to it.

    One of another recipe or seed, or that answers other images or classes, is left out: it shows more than its change.

    Args:
        params: whose ablations are looked for.
        own: the training of their architecture.
        student: the same, distilled.
        trained: holds a folder for every ablation that was trained, by its name.
    """
    architecture = params.ablations.architecture
    found = [Ablation(own.run["title"], f"dvc repro train@{architecture}", own)]
    if student is not None:
        found.append(Ablation(student.run["title"], f"dvc repro distill@{architecture}", student))
    for name in params.ablations.changes:
        folder = ModelFolder(trained / name)
        if (folder.path / "run.json").is_file() and _belongs(folder, own, params.ablated(name)):
            label = f"{own.run['title']}, {name.replace('_', ' ')}"
            found.append(Ablation(label, f"python -m pipelines ablate {name}", folder))
    return found


def _belongs(folder: ModelFolder, own: ModelFolder, changed: Params) -> bool:
    architecture = changed.ablations.architecture
    expected = (architecture, None, changed.recipe(architecture), own.job.seed, own.classes)
    job = folder.job
    if (job.architecture, job.teacher, job.recipe, job.seed, folder.classes) != expected:
        return False
    answered = ["source_id", "split", "emotion"]
    return folder.predictions[answered].equals(own.predictions[answered])


def distilled_pairs(folders: list[ModelFolder], but: str) -> list[list[Ablation]]:
    """Every architecture's own training and the distilled one, where both are of one recipe, seed and data set.

    Args:
        folders: own trainings and distilled ones.
        but: the architecture that is left out.
    """
    own = {replace(folder.job, teacher=None).key: folder for folder in folders if folder.job.teacher is None}
    pairs = []
    for student in folders:
        architecture = student.job.architecture
        first = own.get(replace(student.job, teacher=None).key)
        if student.job.teacher and first and architecture != but:
            commands = f"dvc repro train@{architecture}", f"dvc repro distill@{architecture}"
            titles = first.run["title"], student.run["title"]
            pairs.append([Ablation(*facts) for facts in zip(titles, commands, (first, student), strict=True)])
    return pairs


def ablation_table(groups: list[list[Ablation]], settings: Compare) -> pd.DataFrame:
    """A row a training: validation accuracy, by which choices are made, its difference to the group's first, and test.

    The difference is that of the same images' answers, in points, with its 95 % bootstrap interval. It tells chance in
    the images from a gain; it knows nothing of chance in the seed. Validation images that have a copy in the source's
    train split are left out: a training that keeps the copies has seen them.

    Args:
        groups: trainings of one architecture each, of ``finished_ablations`` or ``distilled_pairs``.
        settings: of the bootstrap.
    """
    return pd.DataFrame(
        [_line(ablation, group[0], settings) for group in groups for ablation in group], columns=list(COLUMNS)
    )


def _line(ablation: Ablation, first: Ablation, settings: Compare) -> list[str]:
    folder = ablation.folder
    figures = folder.metrics | intervals(folder.predictions, folder.classes, settings)
    right, of_first = _right(folder), _right(first.folder)
    difference = "-"
    if ablation is not first:
        mean, low, high = bootstrap_difference(right, of_first, settings.bootstrap, settings.seed)
        difference = f"{100 * mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
    tests = ("test", "test_ten_views", "test_without_copies")
    return [
        ablation.label,
        f"{right.mean():.3f}",
        difference,
        *(with_interval(figures, f"{split}.accuracy") for split in tests),
        f"{figures['test.macro_f1']:.3f}",
        str(folder.run["epochs"]),
        folder.run["precision"],
        folder.commit[:12],
        f"`{ablation.command}`",
    ]


def _right(folder: ModelFolder) -> np.ndarray:
    """Whether each validation image without a copy in the source's train split is read rightly from one view."""
    labels, probabilities = folder.scored("validation")
    answers = folder.predictions
    alone = ~answers.loc[answers["split"] == "validation", "train_copy"].to_numpy()
    return (probabilities.argmax(axis=1) == labels)[alone]
