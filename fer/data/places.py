"""What the folders and names of image files say: the label and the split of each, in the source's own words."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from fer.data.labels import Labels, is_code, label_key, named_emotion
from fer.data.presets import PRESETS
from fer.data.reading import Reading
from fer.data.split_names import is_split, split_key
from fer.errors import UserError

#: Numbers that may be labels: more are numbers of people or recordings.
MOST_CODES = 12
#: Folders around all emotions that may be splits: more are people, cameras or days.
MOST_PARTS = 4
#: Folders named after people.
_PEOPLE = re.compile(r"(s|sub|subj|subject|person|actor|participant|id)[\s_-]?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Places:
    """What the paths of images say.

    Attributes:
        table: one row per path, in their order: ``label`` and ``split`` ("" where the path says nothing), and group
            columns that file names or folders give.
        label_is: ``folder`` or ``file name``; "" where no path says a label.
        preset: the published data set that names files in this way, or "".
        readings: one line for each thing that the user should know of.
    """

    table: pd.DataFrame
    label_is: str
    preset: str
    readings: tuple[str, ...] = ()


def read_places(where: str, paths: Sequence[PurePosixPath], labels: Labels, splits: Mapping[str, str]) -> Places:
    """Read the folders and file names of all images together.

    The split is the folder that names one, wherever it stands; the label the folder that names an emotion, or else the
    folders that are numbers or a published set's letters, or else a file name that is written as a published set's, or
    that has one emotion in it. File names also say what numbered folders mean, where each has an emotion of its own.

    Raises:
        UserError: where a path names two splits or two emotions, where numbered folders stand on two levels, and where
            file names in them name other emotions.
    """
    known = {name: is_split(name, splits) for name in {name for path in paths for name in path.parts[:-1]}}
    rest = [_without_splits(where, path, known) for path in paths]
    folders = [parts for _, parts in rest]
    table = pd.DataFrame({"label": "", "split": [split for split, _ in rest]}, dtype=str)
    names = {name: labels.name(name) for name in {name for parts in folders for name in parts}}
    readings: list[str] = []
    preset, matches = _file_names(paths, labels.preset)
    found, label_is = [""] * len(paths), ""
    words = [_words(path.stem) for path in paths]
    if any(names.values()):
        found, label_is = _named(where, paths, folders, names), "folder"
    elif (coded := _coded(where, folders, labels)) and not _meant_by(where, coded, words, labels):
        found, label_is = coded, "folder"
    elif preset and "label" in matches:
        found, label_is = matches["label"].tolist(), "file name"
    elif all(words):
        found, label_is = words, "file name"
    table["label"] = found
    if not any(table["split"]) and "split" in matches:
        table["split"] = matches["split"]
    for name in matches.columns.difference(["label", "split"], sort=False):
        table[name] = matches[name]
    if "subject" not in table and (people := _people(folders)):
        table["subject"] = people
        readings.append(f"read the folders {people[0]}, ... as people")
    if "split" in matches and table["split"].equals(matches["split"]):
        readings.append(f"read the splits in {PRESETS[preset].title}'s file names")
    return Places(table, label_is, preset, tuple(readings))


def check_parts(where: str, splits: pd.Series, paths: Sequence[PurePosixPath], reading: Reading) -> None:
    """That no folder beside the splits, and no few folders around the emotions, may be splits by unknown names.

    Raises:
        UserError: naming them.
    """
    labels = reading.labels
    if (splits != "").any():
        beside = ", ".join(splits[splits != ""].unique())
        # Splits stand around the emotions or inside them.
        depths = {path.parts.index(split) for path, split in zip(paths, splits, strict=True) if split in path.parts}
        for path, split in zip(paths, splits, strict=True):
            folders = path.parts[:-1]
            at = [folders[depth] for depth in sorted({0, *depths}) if depth < len(folders)] if len(folders) > 1 else []
            other = [name for name in at if not (labels.name(name) or is_code(label_key(name)))]
            if split == "" and other:
                raise UserError(
                    f"{where}: {path}: folder {other[0]!r} stands beside the splits {beside} and is none; "
                    f"say what it is in data.splits, such as {{{other[0]}: ignore}} or {{{other[0]}: train}}",
                    setting="data.splits",
                )
        return
    if not all(len(path.parts) > 2 for path in paths):
        return
    for depth in range(min(len(path.parts) for path in paths) - 1):
        names = {path.parts[depth] for path in paths}
        known = any(labels.name(name) or is_code(label_key(name)) or _PEOPLE.fullmatch(name) for name in names)
        if 2 <= len(names) <= MOST_PARTS and not known and not _letters({label_key(name) for name in names}):
            first, second, *_ = sorted(names)
            raise UserError(
                f"{where}: the folders {', '.join(sorted(names))} may be splits or mere parts; set data.splits to "
                f"{{{first}: train, {second}: test}}, or to train for each if they are parts",
                setting="data.splits",
            )


def first_named(path: PurePosixPath, labels: Labels, splits: Mapping[str, str]) -> int:
    """How deep the first folder of a path lies that names a split or a label; where none does, its last folder."""
    depths = [depth for depth, name in enumerate(path.parts[:-1]) if is_split(name, splits) or labels.name(name)]
    return depths[0] if depths else max(0, len(path.parts) - 2)


def unwrapped(
    paths: Sequence[PurePosixPath], labels: Labels, splits: Mapping[str, str]
) -> tuple[PurePosixPath, dict[PurePosixPath, PurePosixPath]]:
    """The folders that wrap all images, and every path below them, by the path before.

    A wrapper's name is no label. It may be a split's, such as ``test/`` around ``test/train`` and ``test/test``.
    """
    below = {path: path for path in paths}
    wrapper = PurePosixPath()
    while len({path.parts[0] for path in below.values()}) == 1 and all(len(path.parts) > 1 for path in below.values()):
        top = next(iter(below.values())).parts[0]
        inner = {path.parts[1] for path in below.values() if len(path.parts) > 2}
        wraps = not is_split(top, splits) or len({split_key(name) for name in inner if is_split(name, splits)}) > 1
        if labels.name(top) or not wraps or (is_code(label_key(top)) and not inner):
            break
        wrapper /= top
        below = {path: PurePosixPath(*short.parts[1:]) for path, short in below.items()}
    return wrapper, below


def _without_splits(where: str, path: PurePosixPath, known: Mapping[str, bool]) -> tuple[str, list[str]]:
    """The split that a path's folders name, and its other folders; ``known`` says which names are splits."""
    named = [name for name in path.parts[:-1] if known[name]]
    if len({split_key(name) for name in named}) > 1:
        raise UserError(
            f"{where}: {path}: the folders name two splits, {named[0]} and {named[1]}; rename or move one of them"
        )
    return (named[0] if named else ""), [name for name in path.parts[:-1] if name not in named]


def _named(
    where: str, paths: Sequence[PurePosixPath], folders: Sequence[list[str]], names: Mapping[str, bool]
) -> list[str]:
    """The folder that names an emotion; where none does, the one at the same depth, for which a name is wanted."""
    depths = Counter(parts.index(name) for parts in folders for name in parts if names[name])
    depth = depths.most_common(1)[0][0]
    found = []
    for path, parts in zip(paths, folders, strict=True):
        own = [name for name in parts if names[name]]
        if len({named_emotion(name) or name for name in own}) > 1:
            raise UserError(
                f"{where}: {path}: the folders name two emotions, {own[0]} and {own[1]}; rename or move one of them"
            )
        found.append(own[0] if own else parts[depth] if len(parts) > depth else "")
    return found


def _coded(where: str, folders: Sequence[list[str]], labels: Labels) -> list[str]:
    """The numbers or published letters that are folders at one depth of all images; nothing where there are none."""
    shortest = min(map(len, folders))
    levels = []
    for depth in range(shortest):
        names = {label_key(parts[depth]) for parts in folders}
        if (all(map(is_code, names)) and len(names) <= MOST_CODES) or _letters(names):
            levels.append(depth)
    mapped = [d for d in levels if {label_key(parts[d]) for parts in folders} & set(labels.mapping)]
    levels = mapped or levels
    if len(levels) > 1:
        example = "/".join(folders[0])
        raise UserError(
            f"{where}: numbered folders on two levels ({example}), either of which may be the label; rename one, such "
            "as person_1"
        )
    return [parts[levels[0]] for parts in folders] if levels else []


def _meant_by(where: str, codes: Sequence[str], words: Sequence[str], labels: Labels) -> bool:
    """Whether file names say what the folders' codes mean: all name an emotion, and each code has one of its own.

    Raises:
        UserError: where the emotions in one folder's file names differ, and ``data.labels`` does not give the codes.
    """
    keys = list(map(label_key, codes))
    emotions = list(map(named_emotion, words))
    given = bool(labels.preset) or bool(set(keys) & set(labels.mapping))
    if given or not all(words) or len(set(emotions)) == 1:
        return False
    if len(set(keys)) == len(set(emotions)) == len(set(zip(keys, emotions, strict=True))):
        return True
    shown = sorted(set(codes))
    raise UserError(
        f"{where}: the folders {', '.join(shown)} are codes, and the files' names say emotions that differ from them; "
        f"set data.labels to what each code means, or rename the folders, such as person_{shown[0]}, to go by "
        "the names",
        setting="data.labels",
    )


def _letters(names: set[str]) -> bool:
    """Whether names are a published set's letters, such as AN and HA."""
    return any(
        len(names) > 1 and names <= {code.lower() for code in it.labels if code.isalpha()} for it in PRESETS.values()
    )


def _file_names(paths: Sequence[PurePosixPath], wanted: str) -> tuple[str, pd.DataFrame]:
    """The published set after which all files are named, and what their names say."""
    for name, preset in PRESETS.items():
        if preset.files and wanted in ("", name):
            matches = [preset.files.fullmatch(path.stem) for path in paths]
            if all(matches):
                return name, pd.DataFrame([match.groupdict() for match in matches if match], dtype=str)
    return "", pd.DataFrame()


def _words(stem: str) -> str:
    """The one word of a file's name that names an emotion; "" where there is none, or more than one."""
    words = [word for word in re.split(r"[^A-Za-z]+", stem) if named_emotion(word)]
    return words[0] if len({named_emotion(word) for word in words}) == 1 else ""


def _people(folders: Sequence[list[str]]) -> list[str]:
    """The folder of every image that is named after a person; nothing where some have none."""
    named = [[name for name in parts if _PEOPLE.fullmatch(name)] for parts in folders]
    return [names[0] for names in named] if all(len(names) == 1 for names in named) else []
