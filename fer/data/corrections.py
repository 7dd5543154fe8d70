"""Corrections of labels: a CSV that the audit writes, a person edits and ingest applies (``data.corrections``).

``source_id`` and ``sha256`` say which image is meant, ``emotion`` what its label was, ``correct`` what the person
decided: an emotion (the right label; the same as before means looked at and right), ``remove`` (leave the image out),
or nothing (not looked at). Further columns are for the person's eyes and are ignored.
"""

import hashlib
import io
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer.compressed import one_line
from fer.data.columns import separator_of
from fer.data.dataset import SPLITS
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


def fitting(table: pd.DataFrame, corrections: Corrections) -> tuple[Corrections, list[str]]:
    """The corrections whose images the source has, and what is said of the others.

    Args:
        table: ``source_id`` (unique), ``sha256`` and ``emotion`` of all images of the source, as they came.
        corrections: of these images. An empty ``sha256`` is not compared.

    Raises:
        UserError: where the image is another one by its hash, or had another label, than the person saw; and where
            no correction at all names an image of the source.
    """
    rows, path = corrections.rows, corrections.path
    present = table.set_index("source_id").reindex(rows["source_id"])
    there = present["emotion"].notna().to_numpy()
    if len(rows) and not there.any():
        raise UserError(f"{path}: no correction is of an image of this source, such as {rows['source_id'].iloc[0]}")
    for column, what in (("sha256", "another image"), ("emotion", "labelled otherwise")):
        differs = there & (present[column].to_numpy() != rows[column]) & (rows[column] != "")
        if differs.any():
            row = rows[differs].iloc[0]
            found = present[column].to_numpy()[differs][0]
            raise UserError(
                f"{path}: {row['source_id']} is {what} by now ({column} {found[:16]}, not {row[column][:16]}); look at "
                "it again and mend or delete its row" + (", or empty its sha256" if column == "sha256" else "")
            )
    readings = []
    if absent := int((~there).sum()):
        first = rows["source_id"][~there].iloc[0]
        readings = [f"passed over {absent} of {len(rows)} corrections: no such image is in the source, such as {first}"]
    return replace(corrections, rows=rows[there].reset_index(drop=True)), readings


def apply_corrections(
    table: pd.DataFrame, corrections: Corrections, splits: Collection[str] = SPLITS
) -> tuple[pd.DataFrame, np.ndarray, dict[str, int]]:
    """The table with corrected labels, and which rows stay; a function of its arguments alone.

    Args:
        table: ``source_id`` (unique), ``emotion``, ``split`` and whatever else.
        corrections: those on images that are not in the table do nothing.
        splits: whose labels are corrected.

    Returns:
        The table with ``emotion`` as decided; bool ``[N]``, false for images to leave out; and the decisions counted:
        ``relabelled``, ``removed``, ``confirmed`` (looked at and right), ``evaluation`` (labels of validation and test
        that changed or went), and ``not_applied`` (of other splits).
    """
    decided = table["source_id"].map(corrections.rows.set_index("source_id")["correct"])
    ours = table["split"].isin(splits)
    not_applied = int((decided.notna() & ~ours).sum())
    decided = decided.where(ours)
    removed = (decided == REMOVE).to_numpy()
    emotion = decided.where(decided.notna() & ~removed, table["emotion"])
    relabelled = (emotion != table["emotion"]).to_numpy()
    counts = {
        "relabelled": int(relabelled.sum()),
        "removed": int(removed.sum()),
        "confirmed": int((decided.notna() & ~relabelled & ~removed).sum()),
        "evaluation": int(((relabelled | removed) & (table["split"] != SPLITS[0])).sum()),
        "not_applied": not_applied,
    }
    return table.assign(emotion=emotion), ~removed, counts


def told(corrections: Corrections, counts: Mapping[str, int]) -> list[str]:
    """What is said of the ``counts`` of ``apply_corrections``."""
    readings = [
        f"corrected by {corrections.path} ({corrections.fingerprint}): {counts['relabelled']} labels changed, "
        f"{counts['removed']} images left out, {counts['confirmed']} labels looked at and kept"
    ]
    if counts["evaluation"]:
        readings.append(
            f"{counts['evaluation']} of them are of validation and test: figures are of these labels, and comparable "
            "with none of the labels before"
        )
    if counts["not_applied"]:
        readings.append(
            f"left {counts['not_applied']} corrections of validation and test aside, so that figures stay comparable; "
            "data.correct_evaluation: true applies them"
        )
    return readings


def _decision(path: Path, line: int, text: str) -> str:
    """An emotion or ``REMOVE``."""
    decision = REMOVE if text.lower() == REMOVE else emotion_name(text)
    if decision is None:
        raise UserError(
            f"{path}: line {line}: correct is {text!r}, no emotion{did_you_mean(text, (REMOVE,))}; write an emotion, "
            f"{REMOVE}, or nothing for an image that you have not looked at"
        )
    return decision
