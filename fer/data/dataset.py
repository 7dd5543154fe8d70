"""The FaceDataset: images and their table, on disk and in memory."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from fer.errors import UserError
from fer.files import replace_folder, restore_folder, write_array
from fer.schema import read_as

SPLITS = ("train", "validation", "test")

AGAIN = "run the ingest stage again"

#: Columns that every table has; sources may add votes (``votes.<column>``), ``flaw``, the size of the image files
#: (``source_width``, ``source_height``) and group columns.
COLUMNS = ("emotion", "split", "source_id", "sha256", "train_copy")


class Corrected(BaseModel):
    """By which corrections labels were changed (``fer.data.corrections``).

    Attributes:
        fingerprint: of the corrections.
        evaluation: labels of validation and test that changed or went: figures are not those of the source's labels.
    """

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    evaluation: int


@dataclass(frozen=True)
class FaceDataset:
    """Labelled grey faces with their splits.

    Attributes:
        name: what tables, figures and runs call the data set.
        classes: emotion names; a class's code is its position.
        images: uint8 ``[N, S, S]``, S by ``data.image_size``, 0 black to 255 white; memory-mapped when loaded.
        table: one row per image, index 0 to N-1, with at least ``COLUMNS``: ``emotion`` (a name of
            ``classes``), ``split`` (one of ``SPLITS``), ``source_id`` (row or file in the source), ``sha256`` of the
            image's bytes, and ``train_copy`` (true where the source's train split holds an exact copy of this
            validation or test image).
        removed: rows that cleaning took out, with the table's columns, ``reason`` and ``copy_of`` (a source_id or "").
        corrected: of a data set with corrected labels.
    """

    name: str
    classes: tuple[str, ...]
    images: np.ndarray
    table: pd.DataFrame
    removed: pd.DataFrame
    corrected: Corrected | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def face_size(self) -> int:
        """S, the side of the images in pixels."""
        return int(self.images.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change with any image, label, split, class order or correction."""
        corrections = [self.corrected.fingerprint] if self.corrected else []
        digest = hashlib.sha256(json.dumps([self.name, self.classes, *corrections]).encode())
        rows = self.table[["emotion", "split", "sha256"]].astype(str)
        digest.update("\n".join(rows.agg("\t".join, axis=1)).encode())
        return digest.hexdigest()[:16]

    @cached_property
    def labels(self) -> np.ndarray:
        """int64 ``[N]``: the code of every row's emotion."""
        codes = {name: code for code, name in enumerate(self.classes)}
        return self.table["emotion"].map(codes).to_numpy(np.int64)

    def rows(self, split: str) -> np.ndarray:
        """int64 row numbers of one split, ascending."""
        return np.flatnonzero((self.table["split"] == split).to_numpy())

    def some_rows(self, split: str, most: int) -> np.ndarray:
        """int64 row numbers of at most ``most`` images of a split, spread evenly: the same for every model."""
        rows = self.rows(split)
        return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]

    def examples(self, count: int) -> np.ndarray:
        """int64 row numbers of ``count`` test images, the classes in turn, the same for every model and machine."""
        test = self.table[self.table["split"] == "test"].sort_values("sha256")
        turn = test.groupby("emotion").cumcount()
        code = test["emotion"].map({name: code for code, name in enumerate(self.classes)})
        order = np.lexsort([code.to_numpy(), turn.to_numpy()])
        return test.index.to_numpy()[order[:count]]

    def counts(self) -> pd.DataFrame:
        """Images per split (rows) and class (columns), zeros included."""
        table = pd.crosstab(self.table["split"], self.table["emotion"])
        return table.reindex(index=list(SPLITS), columns=list(self.classes), fill_value=0)

    def save(self, folder: Path) -> None:
        """Write the data set to ``folder``, replacing what is there only once all is written."""
        with replace_folder(folder) as fresh:
            write_array(fresh / "images.npy", self.images)
            self.table.to_parquet(fresh / "table.parquet", index=False)
            self.removed.to_parquet(fresh / "removed.parquet", index=False)
            about = {
                "name": self.name,
                "classes": list(self.classes),
                "fingerprint": self.fingerprint,
                "images": len(self),
            } | ({"corrected": self.corrected.model_dump()} if self.corrected else {})
            (fresh / "dataset.json").write_text(json.dumps(about, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "FaceDataset":
        """Open a saved data set, images memory-mapped read-only.

        Raises:
            UserError: when the folder is not a complete FaceDataset.
        """
        restore_folder(folder)
        about = read_as(_About, folder / "dataset.json", AGAIN)
        images = _read(folder / "images.npy", lambda path: np.load(path, mmap_mode="r"))
        table, removed = (_read(folder / name, pd.read_parquet) for name in ("table.parquet", "removed.parquet"))
        _check(folder, about, images, table)
        return cls(about.name, tuple(about.classes), images, table, removed, about.corrected)


class _About(BaseModel):
    """``dataset.json``."""

    name: str
    classes: list[str]
    fingerprint: str
    images: int
    corrected: Corrected | None = None


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    # EOFError: an empty images.npy
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: not to be read ({' '.join(str(error).split())}); {AGAIN}") from error


def _check(folder: Path, about: _About, images: Any, table: pd.DataFrame) -> None:
    """That the files of a data set are of one kind and belong together.

    Raises:
        UserError: naming the file that does not fit.
    """
    square = isinstance(images, np.ndarray) and images.ndim == 3 and images.shape[1] == images.shape[2]
    if not square or images.dtype != np.uint8:
        raise UserError(f"{folder / 'images.npy'}: no square uint8 images; {AGAIN}")
    if missing := sorted(set(COLUMNS) - set(table)):
        raise UserError(f"{folder / 'table.parquet'}: lacks {', '.join(missing)}; {AGAIN}")
    if unknown := sorted({*table["emotion"].unique()} - {*about.classes}):
        raise UserError(f"{folder / 'table.parquet'}: emotion {unknown[0]!r} is no class of dataset.json; {AGAIN}")
    if not len(images) == len(table) == about.images:
        raise UserError(
            f"{folder}: {len(images)} images, {len(table)} rows in the table, {about.images} images by "
            f"dataset.json; {AGAIN}"
        )
