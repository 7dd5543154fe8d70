"""What every part of a training brings: the same architecture with one thing changed at a time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer.comparison import intervals, with_interval
from fer.evaluation import bootstrap_difference
from fer.outputs import ModelFolder
from fer.params import Compare, Params


@dataclass(frozen=True)
class Ablation:
    """A training and what it differs in: the first of a list is the one that the others are compared with."""

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
        found.append(Ablation("distilled", f"dvc repro distill@{architecture}", student))
    for name in params.ablations.changes:
        folder = ModelFolder(trained / name)
        if (folder.path / "run.json").is_file() and _belongs(folder, own, params.ablated(name)):
            found.append(Ablation(name.replace("_", " "), f"python -m pipelines ablate {name}", folder))
    return found


def _belongs(folder: ModelFolder, own: ModelFolder, changed: Params) -> bool:
    architecture = changed.ablations.architecture
    expected = (architecture, None, changed.recipe(architecture), own.job.seed, own.classes)
    job = folder.job
    if (job.architecture, job.teacher, job.recipe, job.seed, folder.classes) != expected:
        return False
    answered = ["source_id", "split", "emotion"]
    return folder.predictions[answered].equals(own.predictions[answered])


def ablation_table(trained: list[Ablation], settings: Compare) -> pd.DataFrame:
    """A row a training: validation accuracy, by which choices are made, its difference to the first, and test accuracy.

    The difference is that of the same images' answers, in points, with its 95 % bootstrap interval. It tells chance in
    the images from a gain; it knows nothing of chance in the seed.

    Args:
        trained: of ``finished_ablations``.
        settings: of the bootstrap.
    """
    lines = []
    first = _right(trained[0].folder)
    for number, ablation in enumerate(trained):
        folder = ablation.folder
        figures = folder.metrics | intervals(folder.predictions, folder.classes, settings)
        difference = "-"
        if number:
            mean, low, high = bootstrap_difference(_right(folder), first, settings.bootstrap, settings.seed)
            difference = f"{100 * mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        line = {
            "training": ablation.label,
            "validation accuracy": f"{figures['validation.accuracy']:.3f}",
            "difference in points": difference,
        }
        for split, title in (
            ("test", "test accuracy"),
            ("test_ten_views", "ten views"),
            ("test_without_copies", "without copied images"),
        ):
            line[title] = with_interval(figures, f"{split}.accuracy")
        line |= {"macro-F1": f"{figures['test.macro_f1']:.3f}", "epochs": str(folder.run["epochs"])}
        line |= {"precision": folder.run["precision"], "commit": folder.commit[:12]}
        lines.append(line | {"command": f"`{ablation.command}`"})
    return pd.DataFrame(lines)


def _right(folder: ModelFolder) -> np.ndarray:
    """Whether each validation image is read rightly from one view."""
    labels, probabilities = folder.scored("validation")
    return probabilities.argmax(axis=1) == labels
