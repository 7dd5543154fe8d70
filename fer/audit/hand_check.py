"""What the proxies are worth, from images that a person has looked at."""

from collections.abc import Mapping

import pandas as pd

from fer.audit.flaws import PROXIES

#: Where an image of the check was drawn from: all images, or those that one proxy names.
RANDOM = "random"


def proxy_worth(checked: pd.DataFrame, flagged: Mapping[str, float]) -> pd.DataFrame:
    """Precision and recall of every proxy.

    Precision is of the checked images that the proxy names: those drawn at random and those drawn among the ones that
    it names, both a random part of what it names. Recall is estimated: what it finds is its share of all images times
    its precision; what it misses comes from the images drawn at random.

    Args:
        checked: one row per image: ``drawn_as`` (``RANDOM`` or a proxy), and of every proxy its verdict (0 or 1, in the
            column of its name) and ``<proxy>_score``: NaN where the image helped to choose the proxy's bound, and so
            says nothing about its worth.
        flagged: share of all images that each proxy names, 0 to 1.

    Returns:
        A row per proxy: ``proxy``, ``named`` (share of all images), ``checked`` (images that it names), ``right`` (of
        these), ``precision``, ``share`` (estimated, of all images that have the flaw) and ``recall``; NaN of nothing.
    """
    rows = []
    for name, proxy in PROXIES.items():
        judged = checked[checked[f"{name}_score"].notna()]
        named = judged[f"{name}_score"] >= proxy.bound
        of_named = judged[named & judged["drawn_as"].isin([RANDOM, name])]
        others = judged[~named & (judged["drawn_as"] == RANDOM)]
        precision = of_named[name].mean()
        found, missed = flagged[name] * precision, (1 - flagged[name]) * others[name].mean()
        rows.append(
            {
                "proxy": name,
                "named": flagged[name],
                "checked": len(of_named),
                "right": int(of_named[name].sum()),
                "precision": precision,
                "share": found + missed,
                "recall": found / (found + missed) if found + missed else float("nan"),
            }
        )
    return pd.DataFrame(rows)
