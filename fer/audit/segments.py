"""Where models are weak: parts of the test images that a small tree finds on one half, and the other half confirms."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact
from sklearn.model_selection import GroupShuffleSplit
from sklearn.tree import DecisionTreeClassifier

from fer.audit.figures import MEASURES
from fer.data.distributions import adjusted
from fer.evaluation.groups import group_columns
from fer.evaluation.intervals import bootstrap_difference_of_parts
from fer.sections import Compare

#: Questions that lead to a part, its smallest share of a half and number of images, and parts that are kept of a model.
DEPTH, SHARE, FEWEST, KEPT = 3, 0.04, 20, 2
#: Measurements besides ``MEASURES`` that a part may be described by. Not the outlier score: the network behind it has
#: learnt the labels, and what it has no place for is what it and others err on.
FURTHER = ("inversion", "face_check", "face_score", "face_size", "face_roll", "face_yaw")
#: Share of the images that are the least like the others, by the outlier score.
UNLIKE = 0.1
#: What that part is called, which is measured and not found.
FIXED = ("the tenth least like the others",)
#: Values of a group column beyond which it names images rather than groups.
VALUES = 20
COLUMNS = (
    *("model", "part", "images", "error", "low", "high", "rest_error", "p", "found_images", "found_error"),
)  # fmt: skip


def describing(table: pd.DataFrame, audited: pd.DataFrame) -> pd.DataFrame:
    """What a part of the images may be described by: numbers, and 0 or 1 for every value of a group column.

    Args:
        table: the data set's.
        audited: the audit's, with the same index. Not its label columns: they know the emotion.
    """
    found = {name: audited[name].astype(float) for name in (*MEASURES, *FURTHER) if name in audited}
    for name in group_columns(table):
        values = table[name].astype(str)
        if 1 < values.nunique() <= VALUES:
            found |= {f"{name} {value}": (values == value).astype(float) for value in sorted(values.unique())}
    return pd.DataFrame(found, index=table.index)


def unlike_others(audited: pd.DataFrame) -> dict[str, np.ndarray]:
    """The tenth of some images with the highest outlier score, by its name: bool ``[N]``."""
    score = audited["outlier_score"].to_numpy()
    return {FIXED[0]: score > np.quantile(score, 1 - UNLIKE)}


def weak_parts(
    facts: pd.DataFrame,
    wrong: Mapping[str, np.ndarray],
    group: Sequence[str] | np.ndarray,
    named: Mapping[str, np.ndarray],
    settings: Compare,
) -> pd.DataFrame:
    """The parts in which models err most. What chance alone made weak on the first half, the second does not confirm.

    Args:
        facts: float ``[N, F]``, of :func:`describing`.
        wrong: by the model's name bool ``[N]``: whether it errs.
        group: ``[N]``: equal for copies of one image, which stay in one half.
        named: parts that are measured beside those that are found, by name bool ``[N]``.
        settings: of the bootstrap; its seed chooses the halves too.

    Returns:
        A row per part and model, the largest confirmed difference first: ``part`` (in words); of the second half
        ``images``, ``error`` (share, 0 to 1), ``rest_error`` (of the other images), the 95 % interval ``low`` to
        ``high`` of the difference, and ``p`` (Fisher's exact test, one-sided, adjusted for all rows); of the first half
        ``found_images`` and ``found_error``.
    """
    if len(facts) < 4 * FEWEST or facts.empty or len(np.unique(group)) < 4:
        return pd.DataFrame(columns=list(COLUMNS))
    filled = facts.fillna(facts.median()).to_numpy()
    halves = GroupShuffleSplit(1, test_size=0.5, random_state=settings.seed)
    first, second = next(halves.split(filled, groups=group))
    rows = []
    for model, errors in wrong.items():
        tree = DecisionTreeClassifier(
            max_depth=DEPTH, min_samples_leaf=max(FEWEST, round(SHARE * len(first))), random_state=settings.seed
        )
        tree.fit(filled[first], errors[first])
        leaves = tree.apply(filled)
        rates = pd.Series(errors[first]).groupby(leaves[first]).mean().sort_values(ascending=False)
        worst = rates[rates > errors[first].mean()].index[:KEPT]
        parts = {_words(tree, int(leaf), list(map(str, facts))): leaves == leaf for leaf in worst} | dict(named)
        for words, inside in parts.items():
            part, rest = errors[second][inside[second]], errors[second][~inside[second]]
            found = errors[first][inside[first]]
            if min(len(part), len(rest), len(found)) < FEWEST:
                continue
            low, high = bootstrap_difference_of_parts(part, rest, settings.bootstrap, settings.seed)
            counts = [[int(half.sum()), int((~half).sum())] for half in (part, rest)]
            p = float(fisher_exact(counts, alternative="greater").pvalue)
            measured = (len(part), part.mean(), low, high, rest.mean(), p)
            rows.append((model, words, *measured, len(found), found.mean()))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["p"] = adjusted(table["p"].tolist())
    order = (table["error"] - table["rest_error"]).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _words(tree: DecisionTreeClassifier, leaf: int, names: list[str]) -> str:
    """The questions that lead to a leaf, those about one fact joined: ``brightness at most 80.1``."""
    inner = tree.tree_
    parents = {child: (node, side) for side, children in ((0, inner.children_left), (1, inner.children_right))
               for node, child in enumerate(children) if child >= 0}  # fmt: skip
    bounds: dict[tuple[str, int], float] = {}
    node = leaf
    while node in parents:
        node, side = parents[node]
        name, bound = names[inner.feature[node]], float(inner.threshold[node])
        tighter = min if side == 0 else max
        bounds[name, side] = tighter(bounds.get((name, side), bound), bound)
    words = []
    for (name, side), bound in reversed(bounds.items()):
        if " " in name:
            words.append(f"{name.replace(' ', ' not ', 1) if side == 0 else name}")
        else:
            words.append(f"{name.replace('_', ' ')} {('at most', 'above')[side]} {bound:.3g}")
    return ", ".join(words)
