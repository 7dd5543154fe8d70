"""What is different in the data since the champion was trained, image by image."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from fer.data.dataset import FaceDataset

#: What is kept of every image with a version: which image, and how it was used.
ROW_COLUMNS = ("image", "split", "emotion")
#: Hex digits of an image's SHA-256 that are kept; enough to tell a billion images apart.
DIGITS = 16


@dataclass(frozen=True)
class DataChanges:
    """How the present data differ from a version's.

    Attributes:
        added: images of the train split that it had not, by emotion.
        removed: images of its train split that are gone, by their former emotion.
        relabelled: train images with another label, by the emotion that they have now.
        held_out: validation and test images that were added, removed, relabelled or moved.
        before: images of its train split, by emotion.
        now: images of the present train split, by emotion.
    """

    added: Mapping[str, int]
    removed: Mapping[str, int]
    relabelled: Mapping[str, int]
    held_out: int
    before: Mapping[str, int]
    now: Mapping[str, int]

    @property
    def words(self) -> str:
        """One line: ``40 images added to train (happy 20, sad 20), 0 removed, 0 relabelled; ...``."""
        parts = [
            f"{sum(counts.values())} {what}{_listed(counts)}"
            for counts, what in (
                (self.added, "images added to train"),
                (self.removed, "removed"),
                (self.relabelled, "relabelled"),
            )
        ]
        held_out = f"{self.held_out} changed" if self.held_out else "as before"
        return f"{', '.join(parts)}; validation and test: {held_out}"

    def table(self) -> pd.DataFrame:
        """The train split as texts, an emotion a row: counts and shares before and now, and what happened between."""
        classes = [*self.now, *(name for name in self.before if name not in self.now)]
        total_before, total_now = sum(self.before.values()), sum(self.now.values())
        return pd.DataFrame(
            {
                "emotion": name,
                "before": f"{self.before.get(name, 0)} ({_share(self.before.get(name, 0), total_before)})",
                "now": f"{self.now.get(name, 0)} ({_share(self.now.get(name, 0), total_now)})",
                "added": str(self.added.get(name, 0)),
                "removed": str(self.removed.get(name, 0)),
                "relabelled": str(self.relabelled.get(name, 0)),
            }
            for name in classes
        )


def rows_of(dataset: FaceDataset) -> pd.DataFrame:
    """``ROW_COLUMNS`` of every image, as text."""
    table = dataset.table
    return pd.DataFrame(
        {"image": table["sha256"].str[:DIGITS], "split": table["split"], "emotion": table["emotion"]}, dtype=str
    )


def rows_to_csv(rows: pd.DataFrame) -> str:
    """The text that ``rows_of_csv`` reads."""
    return rows.to_csv(index=False, lineterminator="\n")


def rows_of_csv(text: str) -> pd.DataFrame:
    """The rows that ``rows_to_csv`` wrote.

    Raises:
        ValueError: where the text is something else.
    """
    rows = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    if tuple(rows) != ROW_COLUMNS:
        raise ValueError(f"columns {list(rows)}, not {list(ROW_COLUMNS)}")
    return rows


def changes_between(former: pd.DataFrame, present: pd.DataFrame) -> DataChanges:
    """What came, went, or is labelled otherwise.

    Args:
        former: ``ROW_COLUMNS`` of a version's data.
        present: the same of the present data. Copies of an image are told apart by their order.
    """
    both = _numbered(former).merge(
        _numbered(present), how="outer", on=["image", "copy"], suffixes=("_before", "_now"), indicator=True
    )
    came, went = both["_merge"] == "right_only", both["_merge"] == "left_only"
    other_label = (both["_merge"] == "both") & (both["emotion_before"] != both["emotion_now"])
    moved = (both["_merge"] == "both") & (both["split_before"] != both["split_now"])
    was_train, is_train = both["split_before"] == "train", both["split_now"] == "train"
    held_out = (both["split_before"].notna() & ~was_train) | (both["split_now"].notna() & ~is_train)
    return DataChanges(
        added=_counts(both.loc[(came | moved) & is_train, "emotion_now"]),
        removed=_counts(both.loc[(went | moved) & was_train, "emotion_before"]),
        relabelled=_counts(both.loc[other_label & ~moved & is_train, "emotion_now"]),
        held_out=int(((came | went | other_label | moved) & held_out).sum()),
        before=_counts(former.loc[former["split"] == "train", "emotion"]),
        now=_counts(present.loc[present["split"] == "train", "emotion"]),
    )


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(copy=rows.groupby("image").cumcount())


def _counts(emotions: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in emotions.value_counts().items()}


def _listed(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{name} {count}' for name, count in counts.items())})" if counts else ""


def _share(count: int, total: int) -> str:
    return f"{100 * count / max(1, total):.1f} %"
