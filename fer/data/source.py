"""What every source hands over: images with their labels, before any choice, carving or cleaning."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class SourceFaces:
    """Labelled grey faces as a source brings them.

    Attributes:
        name: what the source calls the data set.
        where: the file, folder or handle that error messages name.
        images: uint8 ``[N, 48, 48]``.
        table: one row per image, index 0 to N-1: ``emotion`` (one of ``fer.emotions.EMOTIONS``), ``split`` (one of
            ``SPLITS``; all ``train`` where the source has no splits), ``source_id`` (unique), and the source's own
            columns (votes, flaws, groups).
    """

    name: str
    where: str
    images: np.ndarray
    table: pd.DataFrame
