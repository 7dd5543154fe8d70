"""From any source's names of the splits to ours: one mapping for all sources."""

import re
from collections.abc import Mapping, Sequence

from fer.data.dataset import SPLITS
from fer.data.labels import IGNORE, shown
from fer.data.source import SourceRows
from fer.errors import UserError

_NAMES = {
    "train": ("train", "training", "trn"),
    # The challenge's public leaderboard is the validation split (Goodfellow et al. 2013).
    "validation": ("validation", "valid", "val", "validate", "dev", "devel", "development", "publictest"),
    "test": ("test", "testing", "tst", "privatetest", "holdout", "heldout"),
}
_SPLITS = {name: split for split, names in _NAMES.items() for name in names}
#: The test split beside a validation split, as in train, dev, eval; the validation split beside a test split.
_EITHER = ("eval", "evaluation")
#: Words around a split's name, as in FER2013Train or train_images.
_AROUND = re.compile(r"^(fer2013|fer)(?=.)|(?<=.)(set|data|dataset|images|imgs|faces|split|folder)$")


def split_key(text: str) -> str:
    """A split's name as it is compared: case, punctuation and words such as "set" aside."""
    word = re.sub(r"[\s_.()-]+", "", text.casefold())
    return _AROUND.sub("", _AROUND.sub("", word))


def is_split(text: str, setting: Mapping[str, str]) -> bool:
    """Whether ``text`` names a split: a usual name, or one that ``data.splits`` maps."""
    key = split_key(text)
    return text.strip().casefold() in setting or key in _SPLITS or key in _EITHER


def usual_split(text: str) -> str | None:
    """Our split that a usual name means; None for another name."""
    return _SPLITS.get(split_key(text))


def split_meant(text: str, setting: Mapping[str, str]) -> str | None:
    """Our split, or ``ignore``, that a name means by ``data.splits`` or usually; None for another name."""
    return setting.get(text.strip().casefold()) or usual_split(text)


def split_setting(setting: Mapping[str | int, str] | None) -> dict[str, str]:
    """``data.splits`` with its names in lower case.

    Raises:
        UserError: for a name that is mapped to no split.
    """
    for theirs, ours in (setting or {}).items():
        if ours not in (*SPLITS, IGNORE):
            raise UserError(
                f"params.yaml: data.splits: {theirs}: {ours!r} is no split; use {', '.join(SPLITS)} or {IGNORE}"
            )
    return {str(theirs).strip().casefold(): ours for theirs, ours in (setting or {}).items()}


def settle_splits(rows: SourceRows, setting: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Our split of every row, "" where its image is left out, and what is to be said of it.

    Rows without a split are train: what is missing is carved out of it.

    Raises:
        UserError: for a name that is no split's, and for an ``eval`` that may be either.
    """
    given = rows.table["split"].tolist()
    first: dict[str, int] = {}
    for row, name in enumerate(given):
        first.setdefault(name, row)
    # A cell left blank where the others name a split is a mistake; a file outside the splits' folders is train.
    ours = {"": "train"} if rows.label_is == "folder" or set(given) == {""} else {}
    ours |= {name: found for name in first if (found := split_meant(name, setting)) is not None}
    ours |= _either(rows.where, [name for name in first if split_key(name) in _EITHER and name not in ours], ours)
    for name, row in first.items():
        if name not in ours:
            raise UserError(
                f"{rows.where}: {rows.split_place(row)} is {shown(name)}, not one of Training, PublicTest, PrivateTest "
                "or another usual name; say what it is in data.splits, or mend or remove the row",
                setting="data.splits",
            )
    return ["" if (split := ours[name]) == IGNORE else split for name in given], _readings(given, ours)


def _either(where: str, names: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """What ``eval`` is: the one of validation and test that the source does not have by another name."""
    missing = [split for split in SPLITS[1:] if split not in known.values()]
    if names and len(missing) != 1:
        raise UserError(
            f"{where}: the split {names[0]!r} may be validation or test; set data.splits to "
            f"{{{names[0]}: validation}} or {{{names[0]}: test}}",
            setting="data.splits",
        )
    return dict.fromkeys(names, missing[0]) if names else {}


def _readings(given: Sequence[str], ours: Mapping[str, str]) -> list[str]:
    names = dict.fromkeys(given)
    readings = []
    others = {name: ours[name] for name in names if name and ours[name] not in (name.strip().lower(), IGNORE)}
    if others:
        readings.append(f"read the splits {', '.join(f'{name} as {split}' for name, split in others.items())}")
    out = [name for name in names if ours[name] == IGNORE]
    if out:
        readings.append(f"left out by data.splits: {', '.join(out)}")
    if "" in names and len(names) > 1:
        readings.append(f"read {given.count('')} images outside the splits' folders as train")
    return readings
