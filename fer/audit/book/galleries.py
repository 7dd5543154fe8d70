"""A gallery of every flaw that the audit knows: how many, which, and what the measurement cannot tell."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer.audit.flaws import PROXIES
from fer.audit.hand_check import proxy_worth
from fer.audit.page import HAND_CHECK, PLANTED
from fer.data.dataset import SPLITS

#: Faces of a gallery.
SHOWN = 24
UNKNOWN = "Its precision is not measured on this data set."


@dataclass(frozen=True)
class Sight:
    """How a flaw that is measured is shown.

    Attributes:
        means: what is measured, a sentence.
        misses: what that cannot tell, a sentence.
        column: what its images are ordered by.
        ascending: whether the lowest is the worst.
        certain: whether the flaw is the measurement itself, and not what the measurement hints at.
    """

    means: str
    misses: str
    column: str
    ascending: bool = True
    certain: bool = True


_LIGHT = "A low or high mean is no fault by itself: a face may still be well seen."
#: By the flaw's name in the audit's table.
SIGHTS = {
    "blank": Sight("All pixels have one grey value.", "Nothing: it shows no face for certain.", "brightness"),
    "inverted": Sight(
        "The image is more like the negatives of the others than like the others.",
        "Faces under light from below or behind are named too; on photographs most of these are no negatives.",
        "inversion",
        ascending=False,
        certain=False,
    ),
    "dark": Sight("The mean grey value is below 40.", _LIGHT, "brightness"),
    "bright": Sight("The mean grey value is above 215.", _LIGHT, "brightness", ascending=False),
    "flat": Sight(
        "The grey values' standard deviation is below 20.", "Even light on a smooth face is flat too.", "contrast"
    ),
    "loud": Sight(
        "The grey values' standard deviation is above 100.",
        "A drawing in black and white and a face in hard light look the same to it.",
        "contrast",
        ascending=False,
    ),
    "blurred": Sight(
        "The image is as sharp as one that was enlarged from 16 pixels.",
        "Smooth drawings and soft focus are named too; noise on a blurred face hides it.",
        "sharpness",
        certain=False,
    ),
    "poor": Sight(
        "The histogram of grey values holds fewer than 5 bits.",
        "A face before a plain ground has little information too.",
        "entropy",
    ),
    "odd_size": Sight(
        "The file's side is beyond a factor of two from the others', in pixels.",
        "A small file may hold a good face, and a large one an enlarged face.",
        "file_side",
    ),
}


@dataclass(frozen=True)
class Gallery:
    """The images with one flaw.

    Attributes:
        name: of the flaw.
        means: what is measured.
        misses: what that cannot tell.
        worth: what is known of its precision, a sentence.
        counts: images by split.
        rows: of the data set, the worst first.
        scores: what they are ordered by, one a row.
    """

    name: str
    means: str
    misses: str
    worth: str
    counts: dict[str, int]
    rows: np.ndarray
    scores: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """Positions in ``rows``: at most ``SHOWN``, evenly from the worst to the least bad one."""
        return np.unique(np.linspace(0, len(self.rows) - 1, min(SHOWN, len(self.rows))).astype(int))


def galleries(table: pd.DataFrame, records: Path) -> list[Gallery]:
    """All of them, flaws by measurement first, then the proxies of the reference study's list.

    Args:
        table: the audit's.
        records: what is kept of this data set's audit; may be missing.
    """
    found = [_measured(table, str(name).removeprefix("flaw_"), records) for name in table.filter(like="flaw_")]
    return found + [_by_proxy(table, name, records) for name in PROXIES]


def flaw_table(found: list[Gallery], table: pd.DataFrame) -> pd.DataFrame:
    """Every flawed image: columns ``flaw``, ``source_id``, ``split``, ``emotion`` and ``score``, the worst first."""
    parts = [
        table.loc[gallery.rows, ["source_id", "split", "emotion"]].assign(flaw=gallery.name, score=gallery.scores)
        for gallery in found
    ]
    return pd.concat(parts, ignore_index=True)[["flaw", "source_id", "split", "emotion", "score"]]


def _measured(table: pd.DataFrame, name: str, records: Path) -> Gallery:
    sight = SIGHTS[name]
    scores = table.loc[table[f"flaw_{name}"], sight.column].sort_values(ascending=sight.ascending, kind="stable")
    worth = "It is the measurement itself: none is named wrongly." if sight.certain else _planted(records, name)
    return _gallery(table, name, sight.means, sight.misses, worth, scores)


def _by_proxy(table: pd.DataFrame, name: str, records: Path) -> Gallery:
    proxy = PROXIES[name]
    scores = proxy.score(table)
    scores = scores[scores >= proxy.bound].sort_values(ascending=False, kind="stable")
    means, misses = f"It measures {proxy.measures}.", f"It cannot tell {proxy.misses}."
    return _gallery(table, name, means, misses, _checked(records, name, "face_roll" in table), scores)


def _gallery(table: pd.DataFrame, name: str, means: str, misses: str, worth: str, scores: pd.Series) -> Gallery:
    of_split = table["split"].loc[scores.index].value_counts()
    counts = {split: int(of_split.get(split, 0)) for split in SPLITS}
    return Gallery(name, means, misses, worth, counts, scores.index.to_numpy(), scores.to_numpy(float))


def _planted(records: Path, name: str) -> str:
    """What is known of a measurement by flaws that were planted into this data set."""
    path = records / PLANTED
    planted = json.loads(path.read_text(encoding="utf-8"))["planted"].get("flaws", {}) if path.is_file() else {}
    recall = planted.get("recall", {}).get(f"{name} images")
    if recall is None:
        return UNKNOWN
    others = planted[f"others_called_{name}"]
    said = f"Of {planted['planted_per_kind']} planted ones it finds {recall:.1%}"
    return f"{said}; it also names {others:.1%} of the images that were left alone."


def _checked(records: Path, name: str, with_faces: bool) -> str:
    """What the check by hand of this data set says of a proxy."""
    if name == "angle" and not with_faces:
        return "Without --detector yunet it goes by asymmetry alone, whose precision is not measured."
    if not (records / HAND_CHECK).is_file():
        return UNKNOWN
    checked = pd.read_csv(records / HAND_CHECK)
    worth = proxy_worth(checked, dict.fromkeys(PROXIES, 0.0)).set_index("proxy").T.to_dict()[name]
    right, looked_at = int(worth["right"]), int(worth["checked"])
    return f"A person looked at {looked_at} of its images: {right} have the flaw (precision {worth['precision']:.2f})."
