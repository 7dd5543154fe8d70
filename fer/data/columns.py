"""Which columns of a table are which: by their usual names, or by the setting ``data.csv``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fer.data.dataset import COLUMNS
from fer.errors import UserError, did_you_mean
from fer.sections import Columns

#: Usual names by role, letters alone; of several in one table the earlier counts.
IMAGE = (
    *("file", "filename", "filepath", "image", "imagename", "imagepath", "imagefile", "img", "imgname", "imgpath"),
    *("subdirectoryfilepath", "path", "pth", "pic", "picture", "name", "imageid", "id"),
)
LABEL = (
    *("emotion", "emotions", "label", "labels", "expression", "expressionlabel", "emotionlabel", "facialexpression"),
    *("class", "classname", "target", "category"),
)
SPLIT = ("usage", "split", "set", "subset", "partition")
PIXELS = ("pixels", "pixel", "pixelvalues")
#: One person is on one side of a carved split.
SUBJECT = ("subject", "subjectid", "person", "personid", "identity", "participant", "participantid", "actor", "actorid")
#: Group columns that come along without being named.
GROUPS = (
    *(*SUBJECT, "age", "ageband", "agegroup", "gender", "sex", "region", "ethnicity", "race", "country", "culture"),
    *("camera", "device", "session", "pose", "angle", "lighting", "glasses", "occlusion"),
)

#: A box as a published label file writes it, in pixels.
BOX = ("left", "top", "right", "bottom")

_PIXEL_COLUMN = re.compile(r"(?:pixel|px)\s?_?(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class Roles:
    """The places of a table's columns; -1 for none. ``pixels`` are one column of words, or one for each pixel."""

    label: int
    split: int
    pixels: tuple[int, ...]
    groups: tuple[int, ...]


def plain(name: str) -> str:
    """A column's name as it is compared: its letters, in lower case."""
    return re.sub(r"[\W\d_]+", "", name.casefold())


def separator_of(line: str) -> str:
    """What separates the cells of a table's first line."""
    return max(",;\t", key=line.count)


def find_roles(where: str, header: Sequence[str], setting: Columns) -> Roles:
    """The columns of a CSV with pixels.

    Raises:
        UserError: where ``data.csv`` names a column that is not there, or two columns may be the label.
    """
    label = place_of(where, "label", header, setting.label, LABEL)
    split = place_of(where, "split", header, setting.split, SPLIT)
    # By their numbers: a table sorted by names has pixel10 before pixel2.
    numbered = sorted(
        (int(pixel[1]), place) for place, name in enumerate(header) if (pixel := _PIXEL_COLUMN.fullmatch(name))
    )
    wide = tuple(place for _, place in numbered)
    one = -1 if len(wide) > 1 else place_of(where, "pixels", header, setting.pixels, PIXELS)
    pixels = (one,) if one >= 0 else wide
    groups = tuple(header.index(name) for name in group_columns(where, header, setting))
    return Roles(label, split, pixels, tuple(place for place in groups if place not in (label, split, *pixels)))


def place_of(where: str, role: str, header: Sequence[str], chosen: str | None, usual: Sequence[str]) -> int:
    """The place of the column of a role, or -1.

    Raises:
        UserError: where the setting names a column that is not there, or several labels are.
    """
    if chosen is not None:
        same = [place for place, name in enumerate(header) if name.casefold() == chosen.strip().casefold()]
        if not same:
            hint = did_you_mean(chosen, list(header)[:20])
            raise UserError(f"{where}: data.csv.{role}: no column {chosen!r} in the header{hint}", setting="data.csv")
        return same[0]
    found = sorted((usual.index(plain(name)), place) for place, name in enumerate(header) if plain(name) in usual)
    if role == "label" and len(found) > 1:
        names = [header[place] for _, place in found]
        raise UserError(
            f"{where}: the columns {' and '.join(names)} may both be the label; set data.csv to {{label: {names[0]}}} "
            f"or {{label: {names[1]}}}",
            setting="data.csv",
        )
    return found[0][1] if found else -1


def group_columns(where: str, header: Sequence[str], setting: Columns) -> list[str]:
    """Names of the group columns: those that the setting names, else the usual ones.

    Raises:
        UserError: for a name that is not in the header, or is the data set's own.
    """
    if setting.groups is None:
        usual = [name for name in header if plain(name) in GROUPS]
        return [name for name in usual if name not in OWN]
    for name in setting.groups:
        if name not in header:
            raise UserError(
                f"{where}: data.csv.groups: no column {name!r} in the header{did_you_mean(name, header)}",
                setting="data.csv",
            )
    check_own(where, setting.groups)
    return list(setting.groups)


#: Columns that a data set's table has by itself, at last or while it is read.
OWN = {*COLUMNS, "reason", "copy_of", "label", "flaw", "path", "box", "face", *BOX}
OWN |= {"source_width", "source_height"}


def check_own(where: str, names: Sequence[str]) -> None:
    """That no group column has the name of a column of the data set.

    Raises:
        UserError: naming the column.
    """
    taken = sorted(name for name in names if name in OWN or name.startswith("votes."))
    if taken:
        raise UserError(f"{where}: column {taken[0]!r} is the data set's own; rename it")


def subject_column(names: Sequence[str]) -> str | None:
    """The column that says whose face it is."""
    found = [name for name in names if plain(name) in SUBJECT]
    return found[0] if found else None
