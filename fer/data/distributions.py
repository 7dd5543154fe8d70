"""How far apart distributions lie: of a split from another's, and of a measurement in one class from that in others."""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, kruskal, ks_2samp


def distance(one: pd.Series, other: pd.Series) -> tuple[float, float]:
    """How far two samples' distributions lie apart, and how likely chance alone puts them that far apart.

    Args:
        one: numbers, or names such as classes.
        other: the same of the other sample.

    Returns:
        Of numbers the Kolmogorov-Smirnov statistic, of names the total variation distance, 0 to 1; and the p-value, of
        names by the chi-squared test. 0 and 1 where a sample is empty.
    """
    if one.empty or other.empty:
        return 0.0, 1.0
    if pd.api.types.is_numeric_dtype(one):
        found = ks_2samp(one, other, method="asymp")
        return float(found.statistic), float(found.pvalue)
    counts = names_counted(one, other)
    return total_variation(counts), float(chi2_contingency(counts.T).pvalue) if len(counts) > 1 else 1.0


def names_counted(one: pd.Series, other: pd.Series) -> pd.DataFrame:
    """How often each name occurs in two samples: a row per name, columns ``one`` and ``other``."""
    return pd.DataFrame({"one": one.value_counts(), "other": other.value_counts()}).fillna(0)


def total_variation(counts: pd.DataFrame) -> float:
    """The share of one sample that would need another name to be as the other, 0 to 1.

    Args:
        counts: of :func:`names_counted`; neither sample is empty.
    """
    shares = counts / counts.sum()
    return float((shares["one"] - shares["other"]).abs().sum() / 2)


def explained(values: pd.Series, groups: pd.Series) -> tuple[float, float]:
    """The share of a measurement's variance (of ranks) that groups explain, and the Kruskal-Wallis test's p-value.

    Epsilon squared (Kelley 1935), which is 0 on average where groups do not matter, and may be a little below. 0 and 1
    where all values are equal, or there is one group.

    Args:
        values: numbers.
        groups: their groups' names.
    """
    parts = [part.to_numpy() for _, part in values.groupby(groups.to_numpy())]
    if len(parts) < 2 or len(values) <= len(parts) or values.nunique() < 2:
        return 0.0, 1.0
    found = kruskal(*parts)
    return float((found.statistic - len(parts) + 1) / (len(values) - len(parts))), float(found.pvalue)


def explained_interval(values: pd.Series, groups: pd.Series, resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of :func:`explained`; the ranks are those of all values.

    Args:
        values: numbers ``[N]``.
        groups: their groups' names.
        resamples: how many are drawn.
        seed: of the draw.
    """
    ranks, codes = values.rank().to_numpy(), pd.factorize(groups)[0]
    rng = np.random.default_rng(seed)
    count, kinds = len(ranks), codes.max() + 1
    shares = np.empty(resamples)
    for number in range(resamples):
        times = rng.multinomial(count, np.full(count, 1 / count))
        sizes = np.bincount(codes, times, kinds)
        sums, total = np.bincount(codes, times * ranks, kinds), float(times @ ranks)
        spread = float(times @ ranks**2) - total**2 / count
        between = float((sums[sizes > 0] ** 2 / sizes[sizes > 0]).sum()) - total**2 / count
        within = count - int((sizes > 0).sum())
        shares[number] = 1 - (spread - between) / spread * (count - 1) / within if spread > 0 and within else 0.0
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def adjusted(p_values: list[float]) -> list[float]:
    """P-values for as many tests as there are (Holm 1979), in their order: 0 to 1."""
    order = np.argsort(p_values, kind="stable")
    found = np.empty(len(p_values))
    worst = 0.0
    for place, number in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - place) * p_values[number]))
        found[number] = worst
    return found.tolist()
