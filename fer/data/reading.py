"""How a source is read: the settings that all sources share, and the way from its rows to labelled faces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fer.data.labels import Labels, settle_labels
from fer.data.source import SourceFaces, SourceRows
from fer.data.split_names import settle_splits, split_setting
from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE
from fer.sections import Columns, Data


@dataclass(frozen=True)
class Reading:
    """How to read a source.

    Attributes:
        labels: of their labels to ours.
        splits: of their splits (in lower case) to ours.
        columns: of tables.
        image_size: side of the faces, in pixels.
        find_faces: whether images are photos, of which the largest face is taken.
    """

    labels: Labels = field(default_factory=lambda: Labels({}))
    splits: Mapping[str, str] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)
    image_size: int = FACE_SIZE
    find_faces: bool = False

    @classmethod
    def of(cls, data: Data) -> "Reading":
        """What params.yaml says.

        Raises:
            UserError: for a mapping to no emotion or no split, or an unknown preset.
        """
        columns = data.csv or Columns()
        return cls(Labels.of(data.labels), split_setting(data.splits), columns, data.image_size, data.find_faces)


def settle(rows: SourceRows, reading: Reading) -> SourceFaces:
    """A source's rows as faces in our own words; only what is kept is decoded.

    Raises:
        UserError: for a label or split that cannot be read, and where no image is left.
    """
    emotions, of_labels = settle_labels(rows, reading.labels)
    splits, of_splits = settle_splits(rows, reading.splits)
    table = rows.table.drop(columns="label").assign(emotion=emotions, split=splits)
    kept = np.flatnonzero(((table["emotion"] != "") & (table["split"] != "")).to_numpy())
    if not len(kept):
        raise UserError(
            f"{rows.where}: data.labels and data.splits leave out all {len(table)} images; keep some",
            setting="data.labels",
        )
    loaded = rows.load(kept)
    readings = (*rows.readings, *of_labels, *of_splits, *loaded.readings)
    if missed := int((~loaded.found).sum()):
        if missed == len(kept):
            raise UserError(
                f"{rows.where}: no face found in any of {missed} images; set data.find_faces to false",
                setting="data.find_faces",
            )
        first = table["source_id"].iloc[kept[~loaded.found][0]]
        readings += (f"left out {missed} of {len(kept)} images, in which no face was found, such as {first}",)
    chosen = kept[loaded.found]
    table = table if len(chosen) == len(table) else table.iloc[chosen].reset_index(drop=True)
    if loaded.sizes is not None:
        table = table.assign(source_width=loaded.sizes[:, 0], source_height=loaded.sizes[:, 1])
    return SourceFaces(rows.name, rows.where, loaded.images, table, readings)
