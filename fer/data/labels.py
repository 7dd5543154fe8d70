"""From any source's labels to our emotions: one mapping for all sources, and a line for what was not plain."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fer.data.presets import PRESETS, Preset
from fer.data.source import SourceRows
from fer.emotions import EMOTIONS, emotion_name
from fer.errors import UserError, did_you_mean

#: What ``data.labels`` says of a label whose images are left out, and of all labels that it does not name.
IGNORE, REST = "ignore", "*"

#: Longer cells are no codes and, in messages, cut.
_LONGEST_CODE, _SHOWN = 20, 40
_CODE = re.compile(r"[+-]?\d+(\.0*)?(e[+-]?0+)?")
#: Words before a code, as in class_0.
_CODED = re.compile(r"(class|label|emotion|expression)[\s_-]*(?=\d+$)")
#: Numbers before a name ("0_angry", "(3) happy"), and after it where something stands between ("angry 0").
_NUMBERS = re.compile(r"^[\s(\[]*\d+[\s_.)\]-]*|[\s_.(\[-]+\d+[\s)\]]*$")
#: Words beside the emotion in names such as "happy faces".
_BESIDE = {"class", "emotion", "expression", "expressions", "face", "faces", "facial", "images", "label", "photos"}


def label_key(text: str) -> str:
    """A label as it is compared: without case and white space; ``03``, ``3.0``, ``3.0e+00``, ``class_3`` are ``3``."""
    word = _CODED.sub("", text.strip().casefold())
    if len(word) <= _LONGEST_CODE and _CODE.fullmatch(word) and word.isascii():
        return str(int(float(word)))
    return word


def is_code(key: str) -> bool:
    """Whether a label's key is a number."""
    return len(key) <= _LONGEST_CODE and key.removeprefix("-").isdigit() and key.isascii()


def named_emotion(text: str) -> str | None:
    """The emotion that a folder or cell names, numbers and words such as "faces" aside; None where it names none."""
    name = _NUMBERS.sub("", text.strip(), count=2)
    words = [word for word in re.split(r"[\s_.-]+", name) if word and word.casefold() not in _BESIDE]
    return emotion_name(words[0]) if len(words) == 1 else None


@dataclass(frozen=True)
class Labels:
    """The setting ``data.labels``.

    Attributes:
        mapping: an emotion or ``IGNORE`` by label key.
        rest: whether labels that nothing names are left out.
        preset: key in ``PRESETS``, or "".
    """

    mapping: Mapping[str, str]
    rest: bool = False
    preset: str = ""

    @classmethod
    def of(cls, setting: str | Mapping[str | int, str] | None) -> "Labels":
        """The setting, checked.

        Raises:
            UserError: for a preset that there is none of, and a label that is mapped to no emotion.
        """
        where = "params.yaml: data.labels:"
        if setting is None:
            return cls({})
        if isinstance(setting, str):
            if setting not in PRESETS:
                own = ", or write your own, such as {contempt: ignore}"
                raise UserError(f"{where} unknown data set {setting!r}{did_you_mean(setting, PRESETS)}{own}")
            return cls({}, preset=setting)
        mapping = {}
        for theirs, ours in setting.items():
            emotion = IGNORE if ours.strip().casefold() == IGNORE else emotion_name(ours)
            if emotion is None:
                raise UserError(
                    f"{where} {theirs}: {ours!r} is no emotion; use one of {', '.join(EMOTIONS)}, or ignore"
                )
            mapping[label_key(str(theirs))] = emotion
        if mapping.pop(REST, IGNORE) != IGNORE:
            raise UserError(
                f"{where} '{REST}' stands for all labels not named and can only be ignored; name the others"
            )
        return cls(mapping, any(str(theirs).strip() == REST for theirs in setting))

    def name(self, text: str) -> bool:
        """Whether ``text`` is a label by its name: one that the setting maps, or an emotion's."""
        key = label_key(text)
        if is_code(key):
            return False
        words = PRESETS[self.preset].labels.values() if self.preset else ()
        return key in self.mapping or key in words or named_emotion(text) is not None


def settle_labels(rows: SourceRows, labels: Labels) -> tuple[list[str], list[str]]:
    """Our emotion of every row, "" where its image is left out, and what is to be said of it.

    Names are read by ``named_emotion``. Numbers are read by the preset that the setting or the layout names; without
    one as FER-2013's where they are the codes 0 to 6, all of them or in a CSV with pixels.

    Raises:
        UserError: for a label that names nothing, and for codes of which there is more than one reading.
    """
    keys = [label_key(label) for label in rows.table["label"]]
    written: dict[str, str] = {}
    for key, label in zip(keys, rows.table["label"], strict=True):
        written.setdefault(key, label)
    preset = labels.preset or (rows.preset if not labels.mapping else "")
    meanings: dict[str, str | None] = {}
    if labels.mapping or labels.rest:
        meanings = {key: _mapped(key, written[key], labels) for key in written}
    else:
        chosen = PRESETS[preset] if preset else _scheme(rows, written)
        meanings = {key: _by_preset(key, written[key], chosen) for key in written}
        if not labels.preset:  # nobody asked that images be left out
            meanings = {key: None if emotion == IGNORE else emotion for key, emotion in meanings.items()}
        preset = next((name for name, it in PRESETS.items() if it is chosen), "")
    unknown = [key for key, emotion in meanings.items() if emotion is None]
    if unknown:
        raise _unknown(rows, keys, unknown, written, preset)
    settled = [str(meanings[key]) for key in keys]
    readings = _readings(rows, written, meanings, PRESETS[preset] if preset and not labels.mapping else None)
    unused = [key for key in labels.mapping if key not in written]
    if unused:
        readings.append(f"data.labels names {_listed(unused)}, which is no label there")
    left_out = Counter(written[key] for key in keys if meanings[key] == IGNORE)
    if left_out:
        named = ", ".join(f"{_called(word, preset)} {count}" for word, count in left_out.items())
        readings.append(f"left out by their label: {named}")
    return ["" if emotion == IGNORE else emotion for emotion in settled], readings


def _mapped(key: str, word: str, labels: Labels) -> str | None:
    """By the setting's own words. Where these name codes, no code keeps a meaning that they did not give it."""
    if key in labels.mapping:
        return labels.mapping[key]
    emotion = None if is_code(key) else named_emotion(word)
    return emotion or (IGNORE if labels.rest else None)


def _by_preset(key: str, word: str, preset: Preset | None) -> str | None:
    codes = {label_key(code): emotion_name(meant) or IGNORE for code, meant in preset.labels.items()} if preset else {}
    if key in codes:
        return codes[key]
    emotion = None if is_code(key) else named_emotion(word)
    return emotion or (IGNORE if preset and key in preset.labels.values() else None)


def _scheme(rows: SourceRows, written: Mapping[str, str]) -> Preset | None:
    """The published codes that labels are, where that is plain.

    Raises:
        UserError: where they are codes of more than one data set, or numbers beside names.
    """
    unnamed = [key for key in written if key and named_emotion(written[key]) is None]
    numbers = sorted((key for key in unnamed if is_code(key)), key=int)
    if not unnamed:
        return None
    if not numbers:  # letters: JAFFE's and KDEF's agree
        fitting = [it for it in PRESETS.values() if {label_key(code) for code in it.labels} >= set(unnamed)]
        return fitting[0] if fitting else None
    named = any(named_emotion(word) for word in written.values())
    fer2013 = PRESETS["fer2013"]
    if not named and set(numbers) == set(fer2013.labels):
        return fer2013
    if named or len(numbers) < len(unnamed):
        raise UserError(
            f"{rows.where}: both names and numbers are labels ({_listed(written.values())}); "
            f"say what they mean in data.labels, such as {{{numbers[0]}: ignore}}",
            setting="data.labels",
        )
    raise _ambiguous(rows, numbers)


def _ambiguous(rows: SourceRows, numbers: list[str]) -> UserError:
    fitting = {name: it for name, it in PRESETS.items() if it.labels.keys() >= set(numbers) and name != "expw"}
    own = f"{{{', '.join(f'{code}: {emotion}' for code, emotion in zip(numbers, EMOTIONS, strict=False))}}}"
    said = f"{rows.where}: the labels are the numbers {_listed(numbers)}, "
    if not fitting:
        return UserError(
            f"{said}no data set's known codes; say what each means in data.labels, such as {own}", setting="data.labels"
        )
    readings = "; ".join(
        f"{name} ({it.title}: {', '.join(f'{code} {it.labels[code]}' for code in numbers[:3])})"
        for name, it in fitting.items()
    )
    return UserError(
        f"{said}which may be those of several data sets; set data.labels to one of: {readings}; or to your own, such "
        f"as {own}",
        setting="data.labels",
    )


def _unknown(
    rows: SourceRows, keys: list[str], unknown: list[str], written: Mapping[str, str], preset: str
) -> UserError:
    """Of the first row whose label nothing names."""
    row = next(number for number, key in enumerate(keys) if key in unknown)
    word = written[keys[row]]
    place = f"{rows.where}: {rows.label_place(row)}"
    remedies = f"say what it means in data.labels, such as {{{_quoted(word)}: ignore}}"
    setting = "data.labels"
    if len(word) > _SHOWN:
        remedies, setting = "name the column of labels in data.csv", "data.csv"
    if preset and _by_preset(label_key(word), word, PRESETS[preset]) == IGNORE:
        fault = f"{shown(word)} is {PRESETS[preset].title}'s {_meant(word, preset)}, which is none of our emotions"
        remedies = f"set data.labels to {preset}, which leaves it out, or to your own, such as {{{_quoted(word)}: sad}}"
    elif preset and any(label_key(code) in written for code in PRESETS[preset].labels):
        codes = sorted(PRESETS[preset].labels, key=lambda code: (len(code), code))
        fault = f"is {shown(word)}, not a code from {codes[0]} to {codes[-1]}"
        others = [
            name for name, it in PRESETS.items() if label_key(word) in map(label_key, it.labels) and name != preset
        ]
        if others:
            remedies = f"set data.labels to {' or '.join(others)} if the codes are theirs"
    else:
        fault = f"{shown(word)} names no emotion"
    if rows.label_is == "folder":
        return UserError(f"{place} {fault}; rename it to one of {', '.join(EMOTIONS)}, or {remedies}", setting=setting)
    return UserError(f"{place} {fault}; {remedies}, or mend or remove the row", setting=setting)


def _readings(
    rows: SourceRows, written: Mapping[str, str], meanings: Mapping[str, str | None], preset: Preset | None
) -> list[str]:
    """What codes were read as, and names that are not ours."""
    readings = []
    coded = [code for code in (preset.labels if preset else ()) if label_key(code) in written]
    if preset and coded:
        meant = ", ".join(f"{code} {preset.labels[code]}" for code in coded)
        span = f"{coded[0]} to {coded[-1]}" if len(coded) > 2 else ", ".join(coded)
        ending = "s" if len(coded) > 1 else ""
        readings.append(f"read {len(coded)} {rows.label_is}{ending} as {preset.title}'s code{ending} {span}: {meant}")
    of_codes = set(map(label_key, coded))
    others = {
        word: str(meanings[key])
        for key, word in written.items()
        if key not in of_codes and meanings[key] not in (IGNORE, word.strip().lower())
    }
    if others:
        told = ", ".join(f"{word} as {emotion}" for word, emotion in others.items())
        readings.append(f"read as emotions: {told}")
    return readings


def _called(word: str, preset: str) -> str:
    """A label for people: a code with what it stands for."""
    meant = _meant(word, preset) if preset else word
    return f"{word} ({meant})" if meant != word else word


def _meant(word: str, preset: str) -> str:
    """What a preset's code stands for."""
    codes = {label_key(code): meant for code, meant in PRESETS[preset].labels.items()}
    return codes.get(label_key(word), word)


def _quoted(word: str) -> str:
    """A label as YAML's flow style takes it."""
    word = label_key(word) if is_code(label_key(word)) else word
    return word if re.fullmatch(r"\w[\w -]*", word) else repr(word)


def shown(cell: str) -> str:
    """A cell as a message shows it: quoted, on one line, cut."""
    return repr(_cut(cell))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _listed(words: Iterable[str]) -> str:
    """A few words, each on one line, and how many more."""
    words = [_cut(" ".join(word.split())) for word in words]
    return ", ".join(words[:11]) + (f" and {len(words) - 11} more" if len(words) > 11 else "")
