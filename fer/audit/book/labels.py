"""Doubtful labels beside their nearest neighbours, and labels beside FER+'s votes."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer.audit.run import Audit
from fer.data.dataset import FaceDataset
from fer.emotions import FERPLUS_OTHER, FERPLUS_VOTES
from fer.evaluation.slices import AGREE, OTHER, UNDECIDED, ferplus_verdict, ferplus_votes

#: Doubtful labels that are shown, neighbours that are asked, and of these shown.
DOUBTS, ASKED, NEIGHBOURS = 36, 20, 6
#: Images shown of which FER+'s taggers say something else.
DISAGREEING = 24


@dataclass(frozen=True)
class Doubt:
    """A label to look at again.

    Attributes:
        row: of the data set.
        label: as it is.
        suggested: by the audit, with its probability (0 to 1).
        probability: of the suggestion.
        neighbours: rows of the nearest faces, the nearest first; no copy of this one.
        tally: labels of ``ASKED`` neighbours with how many have it, the most frequent first.
    """

    row: int
    label: str
    suggested: str
    probability: float
    neighbours: tuple[int, ...]
    tally: tuple[tuple[str, int], ...]


def doubts(found: Audit, count: int = DOUBTS) -> list[Doubt]:
    """The most doubtful labels with what the neighbours say, the most doubtful first."""
    table = found.table
    rows = np.flatnonzero(table["label_doubtful"].to_numpy())
    rows = rows[np.argsort(table["label_quality"].to_numpy()[rows], kind="stable")][:count]
    if not len(rows):
        return []
    near = nearest(found, rows)
    emotions, suggested = table["emotion"].to_numpy(), table["suggested"].to_numpy()
    probability = table["suggested_probability"].to_numpy()
    return [
        Doubt(
            int(row),
            emotions[row],
            suggested[row],
            float(probability[row]),
            tuple(int(one) for one in others[:NEIGHBOURS]),
            tuple(Counter(emotions[others].tolist()).most_common()),
        )
        for row, others in zip(rows, near, strict=True)
    ]


def nearest(found: Audit, rows: np.ndarray) -> list[np.ndarray]:
    """By row the ``ASKED`` images whose embedding is most like its own, by the cosine; neither it nor a copy of it."""
    points = found.embedding - found.embedding.mean(axis=0)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-6)
    group = found.table["near_to"].to_numpy()
    result = []
    for row in rows:
        likeness = points @ points[row]
        copies = (group == group[row]) & (group != "")
        copies[row] = True
        likeness[copies] = -np.inf
        order = np.argsort(-likeness, kind="stable")[:ASKED]
        result.append(order[np.isfinite(likeness[order])])
    return result


@dataclass(frozen=True)
class Agreement:
    """What FER+'s taggers say of the labels.

    Attributes:
        shares: a row per label that has images, a column per verdict: 0 to 1.
        counts: images by verdict.
        disagreeing: rows of which all but few taggers say one other emotion, the most votes first.
        votes: of these in words, one a row.
    """

    shares: pd.DataFrame
    counts: dict[str, int]
    disagreeing: tuple[int, ...]
    votes: tuple[str, ...]


def agreement(dataset: FaceDataset) -> Agreement | None:
    """The verdicts; None for a data set without votes."""
    votes = ferplus_votes(dataset.table)
    if votes.shape[1] == 0:
        return None
    verdict = ferplus_verdict(dataset.table)
    shares = pd.crosstab(dataset.table["emotion"], verdict, normalize="index")
    shares = shares.reindex(index=[name for name in dataset.classes if name in shares.index])
    shares = shares.reindex(columns=[AGREE, OTHER, UNDECIDED], fill_value=0.0)
    most = votes.max(axis=1)[verdict == OTHER].sort_values(ascending=False, kind="stable").index[:DISAGREEING]
    return Agreement(
        shares,
        {name: int((verdict == name).sum()) for name in (AGREE, OTHER, UNDECIDED)},
        tuple(int(row) for row in most),
        tuple(_in_words(votes.loc[row]) for row in most),
    )


def _in_words(votes: pd.Series) -> str:
    words = FERPLUS_VOTES | {name: name for name in FERPLUS_OTHER} | {"NF": "no face"}
    top = votes[votes > 0].sort_values(ascending=False, kind="stable").head(3)
    return ", ".join(f"{words[str(name)]} {count:.0f}" for name, count in top.items())
