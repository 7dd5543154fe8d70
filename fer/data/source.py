"""What every source hands over: images with their labels, before any choice, carving or cleaning."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Loaded:
    """Decoded images.

    Attributes:
        images: uint8 ``[m, S, S]``.
        found: bool ``[n]``, m of them true: which of the wanted rows they are.
        readings: one line for each thing that the user should know of.
        sizes: int ``[m, 2]``, width and height of what each face was made of, where files of any size were read.
    """

    images: np.ndarray
    found: np.ndarray
    readings: tuple[str, ...] = ()
    sizes: np.ndarray | None = None


@dataclass(frozen=True)
class SourceRows:
    """What a source says of its images, in its own words; no image need be decoded yet.

    Attributes:
        name: what the source calls the data set.
        where: the file, folder or handle that error messages name.
        table: one row per image, index 0 to N-1: ``label`` and ``split`` as the source writes them ("" where it says
            nothing), ``source_id`` (unique), and the source's own columns (votes, flaws, groups).
        load: the images of some rows (int64 ``[n]``, ascending).
        label_is: what a message calls a label, such as ``folder`` or ``emotion``.
        label_place: the same at one row, such as ``row 7 after the header: emotion``.
        split_place: the same for its split.
        preset: key of the published data set whose layout this is; "" where it could be anybody's.
        readings: one line for each thing that was read in a way that the user should know of.
    """

    name: str
    where: str
    table: pd.DataFrame
    load: Callable[[np.ndarray], Loaded]
    label_is: str
    label_place: Callable[[int], str]
    split_place: Callable[[int], str]
    preset: str = ""
    readings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceFaces:
    """Labelled grey faces in our own words.

    Attributes:
        name: what the source calls the data set.
        where: the file, folder or handle that error messages name.
        images: uint8 ``[N, S, S]``, S the setting ``data.image_size``.
        table: one row per image, index 0 to N-1: ``emotion`` (one of ``fer.emotions.EMOTIONS``), ``split`` (one of
            ``SPLITS``; all ``train`` where the source has no splits), ``source_id`` (unique), and the source's own
            columns (votes, flaws, groups).
        readings: one line for each thing that was read in a way that the user should know of.
    """

    name: str
    where: str
    images: np.ndarray
    table: pd.DataFrame
    readings: tuple[str, ...] = ()
