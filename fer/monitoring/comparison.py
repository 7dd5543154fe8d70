"""Whether a window of records is like the reference: property by property, and one verdict over all.

A property is said to have drifted if it has moved by more than its bound and chance would hardly do that: the first
keeps a large window from alarming for what is of no account, the second a small one from alarming for nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fer.data.distributions import names_counted, total_variation
from fer.sections import Monitor

#: Properties whose values are numbers: those of the picture, of its detection, and of the prediction.
NUMBERS = ("brightness", "contrast", "sharpness", "likeness", "score", "side", "confidence")
#: Properties whose values are names.
NAMES = ("emotion", "certain", "face")
PROPERTIES = (*NUMBERS, *NAMES)
#: Values of a property that a reference needs: crops have no detection, and one side for all.
LEAST_KNOWN = 10
#: Fewer faces of an emotion in both together are counted with the other rare ones: chi-square needs some of each.
RARE = 10
#: A reference that hardly varies is not divided by.
LEAST_DEVIATION = 0.001


@dataclass(frozen=True)
class Finding:
    """A property of the window beside that of the reference.

    Attributes:
        name: of ``PROPERTIES``.
        moved: how far: of numbers Wasserstein's distance in standard deviations of the reference, of names the total
            variation distance, 0 to 1, which is the share of faces that would need another name.
        bound: the most that it may move.
        p: how likely as much is by chance: Kolmogorov and Smirnov's test of numbers, chi-square of names.
        level: below which ``p`` counts, corrected for the number of properties (Bonferroni).
        reference: in words.
        window: in words.
    """

    name: str
    moved: float
    bound: float
    p: float
    level: float
    reference: str
    window: str

    @property
    def drifted(self) -> bool:
        """Whether it moved too far, and not by chance."""
        return self.moved > self.bound and self.p < self.level


def compare(reference: pd.DataFrame, window: pd.DataFrame, settings: Monitor) -> list[Finding]:
    """Every property that both know, in the order of ``PROPERTIES``.

    Properties that follow from each other (a dark picture has less contrast) make Bonferroni's correction stricter than
    it need be, never laxer.

    Args:
        reference: of ``fer.monitoring.reference``.
        window: as ``fer.monitoring.records.table_of`` makes it.
        settings: bounds, and how often any of the properties may alarm by chance.
    """
    both = [name for name in PROPERTIES if comparable(reference[name], window[name], settings)]
    level = settings.false_alarms / max(1, len(both))
    findings = []
    for name in both:
        old, new = values(reference, name), values(window, name)
        moved, p = MEASURES[name](old, new)
        words = [TOLD[name](part) for part in (old, new)] if name in TOLD else list(changed(old, new))
        findings.append(Finding(name, moved, getattr(settings.bounds, name), p, level, *words))
    return findings


def comparable(reference: pd.Series, window: pd.Series, settings: Monitor) -> bool:
    """Whether both have enough values, and those of the reference differ: crops are all of one size."""
    return (
        reference.notna().sum() >= LEAST_KNOWN
        and window.notna().sum() >= settings.least
        and (reference.name in NAMES or reference.nunique() > 1)
    )


def values(table: pd.DataFrame, name: str) -> pd.Series:
    """A property's known values; names as text."""
    known = table[name].dropna()
    return known.astype("str") if name in NAMES else known


def numbers_moved(reference: pd.Series, window: pd.Series) -> tuple[float, float]:
    """How far numbers moved, and how likely that is by chance."""
    deviation = max(float(np.std(reference)), LEAST_DEVIATION)
    p = stats.ks_2samp(reference, window, method="asymp").pvalue
    return float(stats.wasserstein_distance(reference, window)) / deviation, float(p)


def names_moved(reference: pd.Series, window: pd.Series) -> tuple[float, float]:
    """How far the mix of names moved, and how likely that is by chance."""
    counts = names_counted(reference, window)
    rare = counts.sum(axis=1) < RARE
    table = np.vstack([counts[~rare], counts[rare].sum().to_frame().T])
    table = table[table.sum(axis=1) > 0]
    return total_variation(counts), float(stats.chi2_contingency(table).pvalue) if len(table) > 1 else 1.0


MEASURES: dict[str, Callable[[pd.Series, pd.Series], tuple[float, float]]] = {
    **dict.fromkeys(NUMBERS, numbers_moved),
    **dict.fromkeys(NAMES, names_moved),
}


def _mean(digits: int) -> Callable[[pd.Series], str]:
    return lambda part: f"{part.mean():.{digits}f}"


#: How a side is told in words: by its mean, or by the share of those that are it.
TOLD: dict[str, Callable[[pd.Series], str]] = {
    **dict.fromkeys(("brightness", "contrast", "side"), _mean(0)),
    **dict.fromkeys(("sharpness", "likeness", "score", "confidence"), _mean(2)),
    **dict.fromkeys(("certain", "face"), lambda part: f"{100 * (part == 'True').mean():.0f} %"),
}


def changed(reference: pd.Series, window: pd.Series) -> tuple[str, str]:
    """The name whose share changed most, in words of both."""
    shares = [part.value_counts(normalize=True) for part in (reference, window)]
    apart = shares[1].sub(shares[0], fill_value=0).abs()
    name = min(apart.index[apart == apart.max()])
    old, new = (f"{name} {100 * part.get(name, 0.0):.0f} %" for part in shares)
    return old, new
