"""Images and the tables that name them, put together."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from fer.data.columns import BOX
from fer.data.label_tables import LabelTable
from fer.data.labels import label_key, named_emotion
from fer.data.split_names import split_meant, usual_split
from fer.errors import UserError

#: Columns of a table that are no groups.
_ROLES = ("label", "split", "face", *BOX)


def from_tables(where: str, images: pd.DataFrame, tables: Sequence[LabelTable]) -> tuple[pd.DataFrame, list[str]]:
    """The images that the tables label, with label and split as these say, and what is to be said of the others.

    Where neither folders nor a column give the splits, the names of several tables may: train_labels.csv.

    Raises:
        UserError: for an image with two labels or splits, and a box that is no numbers.
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
    _check_once(where, rows)
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


def _check_once(where: str, rows: pd.DataFrame) -> None:
    """That no face of an image stands in two rows, which differ in something."""
    twice = rows[rows.duplicated(["path", "face"], keep=False)]
    if twice.empty:
        return
    first = twice.iloc[0]
    same = twice[(twice["path"] == first["path"]) & (twice["face"] == first["face"])]
    faults = {"label": "labelled twice", "split": "in two splits"}
    column = next((name for name in faults if same[name].nunique() > 1), None)
    said = f"{faults[column]}, {' and '.join(map(repr, same[column].unique()))}" if column else "given two boxes"
    raise UserError(f"{where}: {first['table']}: {first['path']} is {said}; keep one row")


def settled_splits(
    where: str, images: pd.DataFrame, tables: Sequence[LabelTable], setting: Mapping[str, str], chosen: bool
) -> pd.Series:
    """The split of every image as its folder names it, or where ``chosen`` as the tables' column does.

    Raises:
        UserError: for a table that names another split than a folder, where nothing says which of them counts.
    """
    splits = dict(zip(images["path"], images["split"], strict=True))
    for table in tables:
        for path, theirs in table.rows.get("split", pd.Series(dtype=str)).items():
            own, meant = split_meant(splits.get(path, ""), setting), split_meant(theirs, setting)
            if chosen and theirs.strip() and path in splits:
                splits[path] = theirs
            elif own and meant and own != meant:
                raise UserError(
                    f"{where}: {path}: {table.path} says the split {theirs!r} of it, and its place {splits[path]!r}; "
                    "to go by the table name its column in data.csv, such as {split: Usage}, else remove the column",
                    setting="data.csv",
                )
    return images["path"].map(splits)


def compare(where: str, images: pd.DataFrame, tables: Sequence[LabelTable]) -> None:
    """Check that tables say what folders and file names say: the same emotion, or one code of theirs for one of these.

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
    usual = _one_to_one(Counter((mine, theirs) for mine, theirs, _, _ in pairs if not _same_emotion(mine, theirs)))
    for mine, theirs, path, table in pairs:
        same = _same_emotion(mine, theirs)
        if same is False or (same is None and (mine, theirs) not in usual):
            raise UserError(
                f"{where}: {path}: {table.path} says {theirs!r} of it, and its place {mine!r}; to go by the table set "
                f"data.csv to {{label: {table.label_column}}}, else remove the table",
                setting="data.csv",
            )


def _same_emotion(mine: str, theirs: str) -> bool | None:
    """Whether two words name one emotion; None where either names none."""
    named = named_emotion(mine), named_emotion(theirs)
    return None if None in named else named[0] == named[1]


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
