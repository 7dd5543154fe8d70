"""Ablations: the same architecture with one thing changed at a time."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer.evaluation.comparison import figures_of
from fer.evaluation.intervals import bootstrap_difference
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.job import VOTES_TEACHERS, Teacher
from fer.params import Params
from fer.report.tables import UNKNOWN, metric, number, points, share
from fer.sections import Change, Compare

#: The change of params.yaml that trains on train as it was published: with copies of evaluation images, as others did.
COPIES_KEPT = "copies_kept"

COLUMNS = (
    "training",
    "validation accuracy without copied images",
    "difference in points",
    "test accuracy",
    "ten views",
    "without copied images",
    "macro-F1 without them",
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
        change: the name in params.yaml of what differs; "" for a training of a stage.
    """

    label: str
    command: str
    folder: ModelFolder
    change: str = ""


def ablation_groups(params: Params, folders: list[ModelFolder], trained: Path) -> list[list[Ablation]]:
    """Every architecture's own training, before those that differ from it in one thing; left out where there is none.

    Args:
        params: whose ablations are looked for.
        folders: own trainings and distilled ones.
        trained: holds a folder for every ablation that was trained: ``<architecture>/<name>``.
    """
    groups = []
    for own in (folder for folder in folders if folder.job.teacher is None):
        architecture = own.job.architecture
        group = [Ablation(own.run.title, f"dvc repro train@{architecture}", own)]
        group += [
            Ablation(student.run.title, f"dvc repro distill@{architecture}", student)
            for student in folders
            if student.job.teacher and _same(student, own)
        ]
        groups.append([*group, *finished_ablations(params, own, trained)])
    return [group for group in groups if len(group) > 1]


def finished_ablations(params: Params, own: ModelFolder, trained: Path) -> list[Ablation]:
    """The ablations that belong to an own training: they differ from it in their change alone.

    Args:
        params: whose ablations are looked for.
        own: the training of an architecture.
        trained: holds a folder for every ablation that was trained: ``<architecture>/<name>``.
    """
    found, architecture = [], own.job.architecture
    for name in params.ablations.changes:
        folder = ModelFolder(trained / architecture / name)
        if (folder.path / "run.json").is_file() and _belongs(folder, own, params, name):
            teacher = folder.job.teacher
            taught = f" ({teacher.members}, {100 * teacher.share:.0f} %)" if teacher else ""
            label = f"{own.run.title}, {name.replace('_', ' ')}{taught}"
            found.append(Ablation(label, f"python -m pipelines ablate {name} {architecture}", folder, name))
    return found


def _same(student: ModelFolder, own: ModelFolder) -> bool:
    """Whether a distilled model differs from an own training in its teacher alone."""
    return replace(student.job, teacher=None) == own.job and student.run.weights == own.run.weights


def _belongs(folder: ModelFolder, own: ModelFolder, params: Params, name: str) -> bool:
    changed = params.ablated(name, own.job.architecture)
    before, after = params.recipe(own.job.architecture), changed.recipe(own.job.architecture)
    teacher = folder.job.teacher
    if own.job.recipe != before or not _taught_by(teacher, params.ablations.changes[name], params.distill.share):
        return False
    # Other data have another fingerprint, which only the change itself can tell: everything else is as it was.
    expected = replace(own.job, recipe=after, teacher=teacher)
    if changed.data != params.data:
        expected = replace(expected, fingerprint=folder.job.fingerprint)
    same_data = folder.job.fingerprint == own.job.fingerprint
    same_start = folder.run.weights == own.run.weights or before.pretrained != after.pretrained
    images = ["source_id", "split", "emotion"]
    return (
        folder.job == expected
        and same_data == (changed.data == params.data)
        and same_start
        and folder.predictions[images].equals(own.predictions[images])
    )


def _taught_by(teacher: Teacher | None, change: Change, share: float) -> bool:
    """Whether it has the change's teacher, of which a model may be any, by its share in a target."""
    if change.votes:
        people = (VOTES_TEACHERS[change.votes_by], change.votes)
        return teacher is not None and (teacher.members, teacher.share) == people
    if change.teacher:
        return teacher is not None and teacher.is_model and teacher.share == share
    return teacher is None


def ablation_table(groups: list[list[Ablation]], settings: Compare) -> pd.DataFrame:
    """A row a training: validation accuracy, its difference to the group's first, and test.

    The difference is in points, paired by image, with its 95 % bootstrap interval: the variation by images is in it,
    that by seeds is not. Validation images with a copy in the source's train split are left out, since a training that
    keeps the copies has seen them. Macro-F1 leaves out the test images of that kind.

    Args:
        groups: of ``ablation_groups``.
        settings: of the bootstrap.
    """
    return pd.DataFrame(
        [_line(ablation, group[0], settings) for group in groups for ablation in group], columns=list(COLUMNS)
    )


def _line(ablation: Ablation, first: Ablation, settings: Compare) -> list[str]:
    folder = ablation.folder
    figures = figures_of(folder, settings)
    correct, of_first = _correct(folder), _correct(first.folder)
    difference = UNKNOWN
    if ablation is not first:
        ends = bootstrap_difference(correct, of_first, settings.bootstrap, settings.seed)
        difference = points(ends)
    tests = (Split.TEST, Split.TEST_TEN_VIEWS, Split.TEST_WITHOUT_COPIES)
    return [
        ablation.label,
        share(correct),
        difference,
        *(metric(figures, f"{split}.accuracy") for split in tests),
        number(figures[f"{Split.TEST_WITHOUT_COPIES}.macro_f1"]),
        str(folder.run.epochs),
        folder.run.precision,
        folder.commit[:12],
        f"`{ablation.command}`",
    ]


def _correct(folder: ModelFolder) -> np.ndarray:
    """Whether the prediction from one view is correct, of each validation image without a copy in the source's train.

    bool ``[N]``.
    """
    return correct_of(folder, Split.VALIDATION)[~copied(folder, Split.VALIDATION)]


def correct_of(folder: ModelFolder, split: Split) -> np.ndarray:
    """Whether each prediction of a split is correct: bool ``[N]``."""
    labels, probabilities = folder.scored(split)
    return probabilities.argmax(axis=1) == labels


def copied(folder: ModelFolder, split: Split) -> np.ndarray:
    """Whether each image of a split has a copy in the source's train split: bool ``[N]``."""
    table = folder.predictions
    return table.loc[table["split"] == split.part, "train_copy"].to_numpy(bool)
