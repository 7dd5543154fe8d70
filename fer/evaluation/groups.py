"""How a model's figures differ between groups of images, and whether chance explains it.

Groups are the data set's group columns (age band, region, camera), and thirds of brightness and contrast.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from fer.data.columns import OWN, SUBJECT, plain, subject_column
from fer.data.dataset import FaceDataset
from fer.data.distributions import adjusted
from fer.evaluation.intervals import bootstrap_intervals
from fer.evaluation.scores import accuracy_of, confusion, f1_scores
from fer.sections import Compare

#: More groups are names or numbers of single images; fewer images tell nothing of a group.
MOST, FEWEST = 20, 10
#: The data set's own columns, and what the drawn sample knows of its images.
_NO_GROUPS = OWN | {"flaw_of", "true_emotion"}
#: From the least to the most.
_THIRDS = {
    "brightness": ("dark third", "medium third", "bright third"),
    "contrast": ("flat third", "medium third", "strong third"),
}


def group_columns(table: pd.DataFrame) -> list[str]:
    """Columns of a data set's table that divide its images into groups; people are none."""
    names = table.columns.astype(str)
    return [
        name
        for name in names
        if name not in _NO_GROUPS and not name.startswith("votes.") and plain(name) not in SUBJECT
    ]


def groups_of(dataset: FaceDataset, split: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """The groups of a split's images by property, and what is said of columns that cannot be compared.

    Returns:
        Text ``[N]`` by group column, in the data set's order, "" where the source says nothing; and a line for each
        column with one group, or with too many.
    """
    rows, found, told = dataset.rows(split), {}, []
    for name in group_columns(dataset.table):
        values = dataset.table[name].loc[rows].fillna("").astype(str).to_numpy()
        groups = np.unique(values[values != ""])
        if 2 <= len(groups) <= MOST:
            found[name] = values
        elif len(groups):
            what = f"one group alone, {groups[0]}" if len(groups) == 1 else f"{len(groups)} groups; {MOST} are the most"
            told.append(f"{name}: not compared on {split}: {what}")
    return found, told


def thirds(dataset: FaceDataset, split: str) -> dict[str, np.ndarray]:
    """Text ``[N]``, the third of brightness and of contrast in which each image of a split lies."""
    images = np.asarray(dataset.images[dataset.rows(split)], np.float32)
    found = {}
    for measure, values in (("brightness", images.mean(axis=(1, 2))), ("contrast", images.std(axis=(1, 2)))):
        found[measure] = np.array(_THIRDS[measure])[third_of(values)]
    return found


def third_of(values: np.ndarray) -> np.ndarray:
    """int ``[N]``, 0 to 2: in which third of numbers ``[N]`` each one lies."""
    return np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values) if len(values) else np.empty(0, int)


def names_of(name: str, values: np.ndarray) -> list[str]:
    """A property's groups, in the order in which they are told."""
    there = set(values.tolist()) - {""}
    return [group for group in _THIRDS[name] if group in there] if name in _THIRDS else sorted(there)


@dataclass(frozen=True)
class Fairness:
    """A model's figures by group on one split.

    Attributes:
        groups: of ``group_table``.
        gaps: of ``gap_table``.
        told: a line for each group column that is not compared.
    """

    groups: pd.DataFrame
    gaps: pd.DataFrame
    told: tuple[str, ...]


def fairness(dataset: FaceDataset, split: str, predicted: np.ndarray, settings: Compare) -> Fairness:
    """Figures of every group column and of thirds of brightness and contrast.

    Args:
        dataset: the faces.
        split: ``validation`` or ``test``.
        predicted: int ``[N]``, codes predicted of its images, in the data set's order.
        settings: of bootstrap and permutations.
    """
    labels = dataset.labels[dataset.rows(split)]
    groups, told = groups_of(dataset, split)
    groups |= thirds(dataset, split)
    return Fairness(
        group_table(labels, predicted, dataset.classes, groups, settings),
        gap_table(predicted == labels, groups, people_of(dataset, split), settings.bootstrap, settings.seed),
        tuple(told),
    )


def group_table(
    labels: np.ndarray,
    predicted: np.ndarray,
    classes: tuple[str, ...],
    groups: Mapping[str, np.ndarray],
    settings: Compare,
) -> pd.DataFrame:
    """A row a group: images, and accuracy, macro-F1 and every class's recall with 95 % intervals.

    Accuracy and macro-F1 have bootstrap intervals, a recall Wilson's (1927); of no images all are NaN.

    Args:
        labels: int ``[N]``, codes 0 to C-1.
        predicted: int ``[N]``.
        classes: the names of the codes.
        groups: text ``[N]`` by property.
        settings: of the bootstrap.
    """
    lines = []
    for name, values in groups.items():
        for group in names_of(name, values):
            members = values == group
            matrix = confusion(labels[members], predicted[members], len(classes))
            line = {"property": name, "group": group, "images": int(members.sum()), "accuracy": accuracy_of(matrix)}
            line |= {"macro_f1": float(f1_scores(matrix).mean())}
            intervals = bootstrap_intervals(matrix, settings.bootstrap, settings.seed)
            for code, emotion in enumerate(classes):
                right, support = int(matrix[code, code]), int(matrix[code].sum())
                line[f"recall.{emotion}"] = right / support if support else float("nan")
                intervals[f"recall.{emotion}"] = _wilson(right, support)
            for metric, (low, high) in intervals.items():
                line |= {f"{metric}.low": low, f"{metric}.high": high}
            lines.append(line)
    return pd.DataFrame(lines)


def gap_table(
    right: np.ndarray, groups: Mapping[str, np.ndarray], people: np.ndarray | None, permutations: int, seed: int
) -> pd.DataFrame:
    """A row a property: its best and worst group by accuracy, the gap, and how often chance makes as wide a one.

    Chance is measured by permutation: groups are dealt out anew, whole people where each person is in one group,
    else images, those of a person among each other. Of so many properties some differ by chance: ``p_corrected`` is
    Holm's (1979).

    Args:
        right: bool ``[N]``, whether each image is read rightly.
        groups: text ``[N]`` by property; groups of fewer than ``FEWEST`` images do not count.
        people: text ``[N]``, who is on each image, "" where nobody knows; None where the data set has no such column.
        permutations: how often groups are dealt out anew.
        seed: of the permutations.
    """
    lines = []
    for name, values in groups.items():
        codes, names = _codes(values)
        if len(names) < 2:
            continue
        kept = codes >= 0
        ours, wide = codes[kept], right[kept].astype(float)
        persons = _persons(people[kept] if people is not None else None, len(ours))
        own = _accuracies(ours, wide, len(names))
        gap = float(own.max() - own.min())
        rng = np.random.default_rng(seed)
        whole = (pd.Series(ours).groupby(persons).nunique() == 1).all()
        deal = _deal_people if whole else _deal_images
        # A rounding error is no narrower gap.
        dealt = [np.ptp(_accuracies(deal(ours, persons, rng), wide, len(names))) for _ in range(permutations)]
        as_wide = sum(width >= gap - 1e-12 for width in dealt)
        line: dict[str, str | float] = {"property": name, "best": names[own.argmax()], "worst": names[own.argmin()]}
        line |= {"accuracy_best": float(own.max()), "accuracy_worst": float(own.min()), "gap": gap}
        unit = "people" if whole and len(np.unique(persons)) < len(persons) else "images"
        lines.append(line | {"p": (1 + as_wide) / (1 + permutations), "dealt": unit})
    table = pd.DataFrame(lines, columns=[*_GAP_COLUMNS])
    return table.assign(p_corrected=adjusted(table["p"].tolist()))


_GAP_COLUMNS = ("property", "best", "worst", "accuracy_best", "accuracy_worst", "gap", "p", "dealt")


def people_of(dataset: FaceDataset, split: str) -> np.ndarray | None:
    """Text ``[N]``, who is on each image of a split; None where the data set does not say."""
    column = subject_column(dataset.table.columns.astype(str).tolist())
    return None if column is None else dataset.table[column].loc[dataset.rows(split)].fillna("").to_numpy(str)


def _codes(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """int ``[N]``, -1 where an image is in no group or in one that is too small; and the groups' names."""
    names, counts = np.unique(values[values != ""], return_counts=True)
    names = names[counts >= FEWEST]
    codes = pd.Index(names).get_indexer(pd.Index(values))
    return codes, names.tolist()


def _persons(people: np.ndarray | None, images: int) -> np.ndarray:
    """int ``[N]``: a number for each person; an image of nobody known is a person of its own."""
    if people is None:
        return np.arange(images)
    known, numbers = people != "", np.unique(people, return_inverse=True)[1]
    return np.where(known, numbers, len(numbers) + np.arange(images))


def _accuracies(codes: np.ndarray, right: np.ndarray, groups: int) -> np.ndarray:
    """float ``[G]``; NaN-free, as every group has images."""
    return np.bincount(codes, right, groups) / np.maximum(np.bincount(codes, minlength=groups), 1)


def _deal_people(codes: np.ndarray, persons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each person in the group of another."""
    _, first, number = np.unique(persons, return_index=True, return_inverse=True)
    return np.asarray(rng.permutation(codes[first])[number])


def _deal_images(codes: np.ndarray, persons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image in the group of another of the same person; where persons are unknown all are one."""
    if len(np.unique(persons)) == len(persons):
        return rng.permutation(codes)
    # Sorted by person and then at random, and by person alone: position for position the same people.
    dealt = np.empty_like(codes)
    dealt[np.argsort(persons, kind="stable")] = codes[np.lexsort([rng.random(len(codes)), persons])]
    return dealt


def _wilson(right: int, images: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); NaN of no images."""
    if not images:
        return float("nan"), float("nan")
    interval = binomtest(right, images).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
