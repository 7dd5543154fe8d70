"""Corrections of labels: a CSV that the audit writes, a person edits and ``apply_corrections`` applies.

No setting reads it yet: ingest does not know of corrections.

``source_id`` and ``sha256`` say which image is meant, ``emotion`` what its label was, ``correct`` what the person
decided: an emotion (the right label; the same as before means looked at and right), ``remove`` (leave the image out),
or nothing (not looked at). Further columns are for the person's eyes and are ignored.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer.compressed import one_line
from fer.data.columns import separator_of
from fer.emotions import emotion_name
from fer.errors import UserError, did_you_mean

#: Columns that a file of corrections must have.
COLUMNS = ("source_id", "sha256", "emotion", "correct")
#: What takes an image out.
REMOVE = "remove"


@dataclass(frozen=True)
class Corrections:
    """What a person decided.

    Attributes:
        path: the file, which messages name.
        rows: ``COLUMNS`` of the rows with a decision, as text; ``correct`` is an emotion or ``REMOVE``.
    """

    path: Path
    rows: pd.DataFrame

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with any decision, and not with the order of the rows or the other columns."""
        lines = sorted(self.rows[["source_id", "sha256", "correct"]].agg("\t".join, axis=1))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def read_corrections(path: Path) -> Corrections:
    """Read a file of corrections.

    Raises:
        UserError: for a file that is no such CSV, a decision that is none, or two decisions on one image.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        # Of cells beyond the header's, as some spreadsheets write them, it warns.
        with warnings.catch_warnings(action="ignore", category=pd.errors.ParserWarning):
            table = pd.read_csv(
                io.StringIO(text),
                sep=separator_of(text.partition("\n")[0]),
                dtype=str,
                keep_default_na=False,
                index_col=False,
            )
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: corrections cannot be read ({one_line(error)}); give the CSV that the audit wrote, in UTF-8"
        ) from error
    if missing := [column for column in COLUMNS if column not in table]:
        raise UserError(f"{path}: corrections lack the column {missing[0]!r}; give the CSV that the audit wrote")
    table["correct"] = table["correct"].str.strip()
    rows = table.loc[table["correct"] != "", list(COLUMNS)]
    decisions = [_decision(path, row + 2, text) for row, text in zip(rows.index, rows["correct"], strict=True)]
    rows = rows.assign(correct=decisions).drop_duplicates(["source_id", "correct"], ignore_index=True)
    if (twice := rows["source_id"].duplicated()).any():
        name = rows["source_id"][twice].iloc[0]
        raise UserError(f"{path}: {name} is decided twice, and differently; leave one of the rows")
    return Corrections(path, rows)


def apply_corrections(table: pd.DataFrame, corrections: Corrections) -> tuple[pd.DataFrame, np.ndarray]:
    """The table with corrected labels, and which rows stay; a function of its arguments alone.

    Args:
        table: ``source_id``, ``sha256``, ``emotion`` and whatever else; ``source_id`` is unique.
        corrections: of the same images.

    Returns:
        The table with ``emotion`` as decided, and bool ``[N]``: false for images to leave out.

    Raises:
        UserError: for a decision on an image that is not there, or is another one by its hash or its former label.
    """
    rows, path = corrections.rows.set_index("source_id"), corrections.path
    present = table.set_index("source_id").reindex(rows.index)
    for column, what in (("sha256", "another image"), ("emotion", "labelled otherwise")):
        differs = (present[column] != rows[column]).to_numpy()
        if differs.any():
            place = int(differs.argmax())
            name = rows.index[place]
            found = "no image of the source" if pd.isna(present[column].iloc[place]) else what
            raise UserError(
                f"{path}: {name} is {found} by now ({column} differs); run the audit again and carry the decision over"
            )
    decided = table["source_id"].map(rows["correct"])
    stays = (decided != REMOVE).to_numpy()
    return table.assign(emotion=decided.where(decided.notna() & stays, table["emotion"])), stays


def _decision(path: Path, line: int, text: str) -> str:
    """An emotion or ``REMOVE``."""
    decision = REMOVE if text.lower() == REMOVE else emotion_name(text)
    if decision is None:
        raise UserError(
            f"{path}: line {line}: correct is {text!r}, no emotion{did_you_mean(text, (REMOVE,))}; write an emotion, "
            f"{REMOVE}, or nothing for an image that you have not looked at"
        )
    return decision
