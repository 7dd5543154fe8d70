"""Images and the tables that name them, put together."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from fer.data.label_tables import BOX, LabelTable
from fer.data.labels import label_key
from fer.data.split_names import usual_split
from fer.errors import UserError

#: Columns of a table that are no groups.
_ROLES = ("label", "split", "face", *BOX)


def from_tables(where: str, images: pd.DataFrame, tables: Sequence[LabelTable]) -> tuple[pd.DataFrame, list[str]]:
    """The images that the tables label, with label and split as these say, and what is to be said of the others.

    Where neither folders nor a column give the splits, the names of several tables may: train_labels.csv.

    Raises:
        UserError: for an image with two labels, and a box that is no numbers.
    """
    parts, readings = [], []
    named = {table.path: usual_split(table.path.stem.split("_")[0]) or "" for table in tables}
    by_name = len(tables) > 1 and all(named.values()) and not (images["split"] != "").any()
    for table in tables:
        rows = table.rows.reindex(columns=list(_ROLES), fill_value="")
        rows = rows.assign(path=table.rows.index, table=str(table.path))
        rows["split"] = rows["split"].where(rows["split"] != "", named[table.path] if by_name else "")
        parts.append(rows)
        if table.lost:
            readings.append(f"passed over {table.lost} rows of {table.path}, which name no image")
    rows = pd.concat(parts, ignore_index=True).drop_duplicates(["path", "label", "split", "face", *BOX])
    twice = rows[rows.duplicated(["path", "face"], keep=False)]
    if len(twice):
        path = twice["path"].iloc[0]
        said = " and ".join(map(repr, dict.fromkeys(twice.loc[twice["path"] == path, "label"])))
        raise UserError(f"{where}: {twice['table'].iloc[0]}: {path} is labelled twice, {said}; keep one row")
    boxes = rows[list(BOX)].to_numpy(str).tolist()
    tables_of = zip(rows["table"], rows["path"], boxes, strict=True)
    rows["box"] = [_box(f"{where}: {file}: {path}", edges) for file, path, edges in tables_of]
    joined = images.drop(columns=["label", "box"]).merge(rows, on="path", how="inner", suffixes=("", "_table"))
    joined["split"] = joined["split"].where(joined["split"] != "", joined["split_table"])
    ids = joined["source_id"].str.cat(" face " + joined["face"])
    joined["source_id"] = joined["source_id"].where(joined["face"] == "", ids)
    if unnamed := len(images) - joined["path"].nunique():
        readings.append(f"passed over {unnamed} of {len(images)} images, which no row of a table labels")
    files = ", ".join(f"{table.path} ({table.label_column})" for table in tables)
    readings.insert(0, f"read labels from {files}")
    return joined.drop(columns=["split_table", "table", "face", *BOX]).reset_index(drop=True), readings


def compare(where: str, images: pd.DataFrame, tables: Sequence[LabelTable]) -> None:
    """Check that tables say what folders and file names say: one word of theirs for one of these.

    Raises:
        UserError: naming the first image whose row differs.
    """
    own = dict(zip(images["path"], map(label_key, images["label"]), strict=True))
    pairs = [
        (own[path], label_key(label), path, table)
        for table in tables
        for path, label in table.rows["label"].astype(str).items()
        if path in own
    ]
    usual = _one_to_one(Counter((mine, theirs) for mine, theirs, _, _ in pairs))
    for mine, theirs, path, table in pairs:
        if (mine, theirs) not in usual:
            raise UserError(
                f"{where}: {path}: {table.path} says {theirs!r} of it, and its place {mine!r}; to go by the table set "
                f"data.csv to {{label: {table.label_column}}}, else remove the table"
            )


def _one_to_one(counts: Counter[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of pairs of words the commonest in which no word stands twice."""
    chosen: set[tuple[str, str]] = set()
    for (mine, theirs), _ in counts.most_common():
        if all(mine != a and theirs != b for a, b in chosen):
            chosen.add((mine, theirs))
    return chosen


def joined(images: pd.DataFrame, tables: Sequence[LabelTable]) -> pd.DataFrame:
    """The images with the tables' group columns, "" where a table leaves one out, and with their splits."""
    table = images
    for other in tables:
        rows = other.rows[~other.rows.index.duplicated()].reindex(table["path"]).reset_index(drop=True)
        if "split" in rows and not (table["split"] != "").any():
            table = table.assign(split=rows["split"].fillna(""))
        for name in rows.columns.difference(list(_ROLES), sort=False):
            known = table[name] if name in table else pd.Series("", table.index)
            table = table.assign(**{str(name): rows[name].fillna("").where(rows[name].notna(), known)})
    return table


def _box(where: str, edges: list[str]) -> str:
    """A box's edges as whole numbers; "" for none."""
    try:
        return " ".join(str(round(float(edge))) for edge in edges) if any(edges) else ""
    except (ValueError, OverflowError) as error:
        raise UserError(f"{where}: the box {' '.join(edges)} is no four numbers; mend the row") from error
