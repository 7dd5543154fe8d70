"""Validation and test splits carved out of train where a source brings none."""

import warnings
from collections.abc import Collection

import numpy as np
import pandas as pd

from fer.data.cleaning import blank_images
from fer.data.columns import subject_column
from fer.data.dataset import SPLITS
from fer.errors import UserError


def carve_splits(
    where: str, table: pd.DataFrame, images: np.ndarray, validation_share: float, test_share: float, seed: int
) -> pd.Series:
    """The ``split`` column with a validation and a test split in it.

    A missing test split takes ``test_share`` of train's different images, a missing validation split
    ``validation_share`` of those left; both stratified by emotion. All copies of an image go to the same split, and so
    do all images of a person where a column says whose they are. Blank images and copies of an existing evaluation
    image are not chosen: cleaning takes them out of train.

    Args:
        where: the source, for messages.
        table: ``emotion``, ``split`` and ``sha256`` of N images, and perhaps a subject column.
        images: uint8 ``[N, S, S]``.

    Raises:
        UserError: when train has too few different images, or too few people, to carve from.
    """
    split = table["split"].copy()
    blank = blank_images(images)
    column = subject_column(table.columns.astype(str).tolist())
    for name, share in (("test", test_share), ("validation", validation_share)):
        if (split == name).any():
            continue
        evaluation = table["sha256"].isin(table["sha256"][split != "train"])
        candidates = table[(split == "train") & ~evaluation & ~blank].drop_duplicates("sha256")
        setting = f"data.{name}_share"
        if column is not None and (candidates[column] != "").any():
            people = _groups(table, column, blank)
            chosen = _stratified_people(where, candidates, people[candidates.index], share, seed, setting)
            split[(split == "train") & people.isin(people[chosen.index]) & ~evaluation & ~blank] = name
        else:
            chosen = _stratified(where, candidates, share, seed, setting)
        split[(split == "train") & table["sha256"].isin(chosen)] = name
    return split


def carved(table: pd.DataFrame, before: Collection[str]) -> list[str]:
    """What is said of the splits that were carved: those that the source did not have."""
    new = [split for split in SPLITS[1:] if split not in before]
    if not new:
        return []
    column = subject_column(table.columns.astype(str).tolist())
    people = f", each {column} on one side" if column and (table[column] != "").any() else ""
    counts = " and ".join(f"{split} ({(table['split'] == split).sum()} images)" for split in new)
    return [f"carved {counts} out of train{people}"]


def shared_subjects(table: pd.DataFrame) -> list[str]:
    """What is said of people who stand in several of the source's own splits."""
    column = subject_column(table.columns.astype(str).tolist())
    if column is None:
        return []
    splits = table[table[column] != ""].groupby(column)["split"].unique()
    shared = splits[splits.map(len) > 1]
    if shared.empty:
        return []
    first = f"{shared.index[0]} in {' and '.join(shared.iloc[0])}"
    return [
        f"{len(shared)} of {len(splits)} people ({column}) stand in several of the source's splits, such as {first}: "
        "figures on them say little of new people"
    ]


def _stratified(where: str, candidates: pd.DataFrame, share: float, seed: int, setting: str) -> pd.Series:
    """sha256 of a stratified ``share`` of the candidates, chosen by seed."""
    from sklearn.model_selection import train_test_split

    try:
        _, chosen = train_test_split(
            candidates["sha256"], test_size=share, random_state=seed, stratify=candidates["emotion"]
        )
    except ValueError as error:
        raise _too_few(where, candidates, share, setting) from error
    return chosen


def _too_few(where: str, candidates: pd.DataFrame, share: float, setting: str) -> UserError:
    return UserError(
        f"{where}: too few different images ({len(candidates)}, blank ones apart) to carve a stratified "
        f"{share:.0%} out of train; add images to every class or change {setting}",
        setting=setting,
    )


def _groups(table: pd.DataFrame, column: str, blank: np.ndarray) -> pd.Series:
    """A number for every row: rows of one person or one image, or linked by such rows, have the same.

    Blank images are equal and link nobody.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = np.arange(len(table))
    own = "image " + table["sha256"]
    people = pd.factorize(own.where(table[column] == "", "person " + table[column]))[0]
    images = pd.factorize(table["sha256"].where(~blank, "blank " + pd.Series(rows.astype(str), table.index)))[0]
    nodes = people.max() + images.max() + 2
    links = coo_array((np.ones(len(rows)), (people, people.max() + 1 + images)), (nodes, nodes))
    return pd.Series(connected_components(links, directed=False)[1][people], table.index)


def _stratified_people(
    where: str, candidates: pd.DataFrame, people: pd.Series, share: float, seed: int, setting: str
) -> pd.Series:
    """sha256 of the images of some people, close to ``share`` of every emotion; people are chosen by seed.

    Of the folds of ``StratifiedGroupKFold`` the one nearest to the share that has every emotion on both sides.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    folds = max(2, round(1 / share))
    emotions = candidates["emotion"]
    if people.nunique() < folds:
        raise UserError(
            f"{where}: too few people ({people.nunique()}) to carve {share:.0%} out of train; add people or raise "
            f"{setting}",
            setting=setting,
        )
    counts = emotions.value_counts()
    best: tuple[bool, float] = (True, np.inf)
    chosen = candidates["sha256"].iloc[:0]
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    # A class with fewer images than folds is warned of; whether a split lacks one, ingest checks.
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            parts = [part for _, part in split.split(candidates, emotions, people)]
    except ValueError as error:  # every class has fewer
        raise _too_few(where, candidates, share, setting) from error
    for part in parts:
        taken = emotions.iloc[part].value_counts().reindex(counts.index, fill_value=0)
        lacking = bool(((taken == 0) | (taken == counts)).any())
        distance = float((taken / counts - share).abs().max())
        if (lacking, distance) < best:
            best, chosen = (lacking, distance), candidates["sha256"].iloc[part]
    return chosen
