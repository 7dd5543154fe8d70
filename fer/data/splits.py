"""Validation and test splits carved out of train where a source brings none."""

import numpy as np
import pandas as pd

from fer.data.cleaning import blank_images
from fer.errors import UserError


def carve_splits(
    table: pd.DataFrame, images: np.ndarray, validation_share: float, test_share: float, seed: int
) -> pd.Series:
    """The ``split`` column with a validation and a test split in it.

    A missing test split takes ``test_share`` of train's different images, a missing validation split
    ``validation_share`` of those left; both stratified by emotion. All copies of an image go to the same split. Blank
    images and copies of an existing evaluation image are not chosen: cleaning takes them out of train.

    Args:
        table: ``emotion``, ``split`` and ``sha256`` of N images.
        images: uint8 ``[N, 48, 48]``.

    Raises:
        UserError: when train has too few different images to carve from.
    """
    split = table["split"].copy()
    blank = blank_images(images)
    for name, share in (("test", test_share), ("validation", validation_share)):
        if (split == name).any():
            continue
        evaluation = table["sha256"].isin(table["sha256"][split != "train"])
        candidates = table[(split == "train") & ~evaluation & ~blank].drop_duplicates("sha256")
        chosen = _stratified(candidates, share, seed, f"data.{name}_share")
        split[(split == "train") & table["sha256"].isin(chosen)] = name
    return split


def _stratified(candidates: pd.DataFrame, share: float, seed: int, setting: str) -> pd.Series:
    """sha256 of a stratified ``share`` of the candidates, chosen by seed."""
    from sklearn.model_selection import train_test_split

    try:
        _, chosen = train_test_split(
            candidates["sha256"], test_size=share, random_state=seed, stratify=candidates["emotion"]
        )
    except ValueError as error:
        raise UserError(
            f"params.yaml: {setting}: too few different images ({len(candidates)}) to carve a stratified {share:.0%} "
            f"out of train; add images to every class or change the share"
        ) from error
    return chosen
