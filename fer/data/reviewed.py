"""Images that a person labelled since: they join the train split, whatever the source is."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer.data.cleaning import image_hashes
from fer.data.folder_source import read_folder
from fer.data.label_tables import IMAGE_ENDINGS
from fer.data.reading import Reading
from fer.data.source import SourceFaces
from fer.errors import UserError

#: What their ``source_id`` begins with: no file of the source has their names.
PREFIX = "reviewed: "


def read_reviewed(folder: Path | None, reading: Reading) -> SourceFaces | None:
    """Read ``<emotion>/*``, and whatever else ``read_folder`` takes; None where there is no image.

    Raises:
        UserError: for a folder that is not there, or cannot be used, and for an image of another split than train.
    """
    if folder is None:
        return None
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; make it, or correct data.reviewed in params.yaml")
    if not any(path.suffix.lower() in IMAGE_ENDINGS for path in folder.rglob("*")):
        return None
    found = read_folder(folder, Reading(reading.labels, image_size=reading.image_size, find_faces=reading.find_faces))
    held_out = (found.table["split"] != "train").to_numpy()
    if held_out.any():
        name = found.table["source_id"][held_out].iloc[0]
        raise UserError(f"{folder}: {name}: reviewed images are for training alone; move them into <emotion>/")
    return found


def with_reviewed(
    images: np.ndarray, table: pd.DataFrame, reviewed: SourceFaces, classes: tuple[str, ...]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Images (uint8 ``[N, S, S]``) and table with the reviewed images of these classes at the end, as train rows.

    What the source says of its images alone is empty for them: "" or NaN.
    """
    chosen = reviewed.table["emotion"].isin(classes).to_numpy()
    added = reviewed.images[chosen]
    rows = reviewed.table.loc[chosen, ["emotion", "split", "source_id"]].assign(sha256=image_hashes(added))
    joined = pd.concat([table, rows.assign(source_id=PREFIX + rows["source_id"])], ignore_index=True)
    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    return np.concatenate([images, added]), joined.fillna(dict.fromkeys(texts, ""))
