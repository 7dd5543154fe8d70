"""Blank images, exact copies and leaks: found, counted, and what leaves the train split."""

import hashlib

import numpy as np
import pandas as pd

from fer.data.dataset import SPLITS

#: Why a train row goes out; the first that applies is the row's reason.
REASONS = ("blank", "leak", "repeat")


def image_hashes(images: np.ndarray) -> list[str]:
    """SHA-256 (hex) of every image's bytes; ``images`` is uint8 ``[N, 48, 48]``."""
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in images]


def blank_images(images: np.ndarray) -> np.ndarray:
    """bool ``[N]``: true where all pixels of an image are equal."""
    pixels = images.reshape(len(images), -1)
    return pixels.min(axis=1) == pixels.max(axis=1)


def train_copies(table: pd.DataFrame) -> np.ndarray:
    """bool ``[N]``: true where the train split holds an exact copy of this validation or test image."""
    train = (table["split"] == "train").to_numpy()
    return ~train & table["sha256"].isin(table["sha256"][train]).to_numpy()


def train_flaws(table: pd.DataFrame, blank: np.ndarray) -> pd.DataFrame:
    """What speaks against each row of the train split, by the protocol of the published comparisons.

    ``blank``: a constant image. ``leak``: an exact copy of a validation or test image. ``repeat``: an exact copy of an
    earlier train image; the first one stays with its label, also where a later copy has another label, so that no
    label depends on a vote that the source did not take.

    Args:
        table: ``split``, ``source_id`` and ``sha256`` of N images.
        blank: bool ``[N]``.

    Returns:
        ``[N, 2]`` of text, indexed like ``table``: ``reason`` (of ``REASONS``, or "" for a row without a flaw and for
        every validation and test row) and ``copy_of`` (the source_id of the image that a leak or repeat copies, or "").
    """
    train = (table["split"] == "train").to_numpy()
    evaluation_image = table["sha256"].map(_first_source_id(table[~train]))
    train_image = table["sha256"].map(_first_source_id(table[train]))
    leak = evaluation_image.notna().to_numpy()
    repeat = (train_image != table["source_id"]).to_numpy()
    reason = np.select([~train, blank, leak, repeat], ["", *REASONS], "")
    copy_of = np.select([reason == "leak", reason == "repeat"], [evaluation_image, train_image], "")
    return pd.DataFrame({"reason": reason, "copy_of": copy_of}, index=table.index).astype(str)


def count_copies(table: pd.DataFrame, blank: np.ndarray) -> dict[str, int | dict[str, int]]:
    """Facts on copies: different images, blanks, surplus copies and copied evaluation images per split, conflicts."""
    surplus = table.groupby("split")["sha256"].agg(lambda hashes: len(hashes) - hashes.nunique())
    copied = table["split"][train_copies(table)].value_counts()
    return {
        "images": len(table),
        "unique_images": int(table["sha256"].nunique()),
        "blank": int(blank.sum()),
        "conflicting_groups": int((table.groupby("sha256")["emotion"].nunique() > 1).sum()),
        "surplus_copies": {split: int(surplus.get(split, 0)) for split in SPLITS},
        "train_copy": {split: int(copied.get(split, 0)) for split in SPLITS[1:]},
    }


def _first_source_id(table: pd.DataFrame) -> pd.Series:
    """source_id of the first row of every image, indexed by sha256."""
    return table.drop_duplicates("sha256").set_index("sha256")["source_id"]
