"""Copies across splits: one picture that is trained on and measured on, exact or changed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer.audit.run import Audit
from fer.data.dataset import FaceDataset

#: Pictures with exact copies, and pairs of near ones, that are shown.
EXACT, NEAR = 18, 36


@dataclass(frozen=True)
class ExactCopies:
    """One picture in several splits of the source.

    Attributes:
        row: of the data set, which still holds it.
        places: where it is in the source: split, label and id.
        labels: how many different labels it has.
    """

    row: int
    places: tuple[str, ...]
    labels: int


@dataclass(frozen=True)
class NearPair:
    """Two images of different splits that show one picture.

    Attributes:
        first: row of the data set; that of train where one is.
        second: row of the data set.
        mirrored: whether one is mirrored.
        similarity: correlation after alignment, 0 to 1.
    """

    first: int
    second: int
    mirrored: bool
    similarity: float


def exact_across(dataset: FaceDataset) -> list[ExactCopies]:
    """Pictures in more than one split of the source, those with several labels first."""
    everything = pd.concat([dataset.table, dataset.removed], ignore_index=True)
    groups = everything[everything["sha256"].duplicated(keep=False)].groupby("sha256", sort=False)
    spread = groups["split"].nunique()
    held = pd.Series(dataset.table.index, dataset.table["sha256"]).groupby(level=0).first()
    found = []
    for digest in spread.index[spread > 1]:
        members = groups.get_group(digest)
        # A picture that cleaning took out wherever it was cannot be shown.
        if digest in held.index:
            places = tuple(f"{one.split}: {one.emotion}, {one.source_id}" for one in members.itertuples())
            found.append(ExactCopies(int(held[digest]), places, members["emotion"].nunique()))
    return sorted(found, key=lambda one: -one.labels)


def near_across(dataset: FaceDataset, found: Audit) -> list[NearPair]:
    """Near copies in two splits, the least similar last."""
    pairs = found.pairs[found.pairs["first_split"] != found.pairs["second_split"]]
    rows = pd.Series(np.arange(len(dataset)), dataset.table["source_id"]).groupby(level=0).first()
    in_train = pairs["second_split"] == "train"
    first, second = pairs["first"].where(~in_train, pairs["second"]), pairs["second"].where(~in_train, pairs["first"])
    ones, others = rows[first].to_numpy(), rows[second].to_numpy()
    mirrored, similarity = pairs["mirrored"].to_numpy(), pairs["similarity"].to_numpy()
    return [
        NearPair(int(ones[place]), int(others[place]), bool(mirrored[place]), float(similarity[place]))
        for place in np.argsort(-similarity, kind="stable")
    ]


def spread(pairs: list[NearPair], count: int = NEAR) -> list[NearPair]:
    """Some of the pairs, evenly from the most to the least similar, half of them mirrored where there are as many."""
    mirrored, others = [pair for pair in pairs if pair.mirrored], [pair for pair in pairs if not pair.mirrored]
    some = _evenly(mirrored, max(count // 2, count - len(others)))
    some += _evenly(others, count - len(some))
    return sorted(some, key=lambda pair: -pair.similarity)


def _evenly(pairs: list[NearPair], count: int) -> list[NearPair]:
    places = np.unique(np.linspace(0, len(pairs) - 1, min(count, len(pairs))).astype(int))
    return [pairs[place] for place in places]
