"""Figures by group as text: the groups of a table, and the gaps between them in words."""

import pandas as pd

from fer.report.tables import estimate, number

#: What is called proven.
LEVEL = 0.05


def groups_table(groups: pd.DataFrame) -> pd.DataFrame:
    """A row a group: images, accuracy and macro-F1 with intervals, and under its name every class's recall.

    Args:
        groups: of ``fer.evaluation.groups.group_table``.
    """
    recalls = [name for name in map(str, groups) if name.startswith("recall.") and name.count(".") == 1]
    lines = []
    for row in groups.to_dict("records"):
        line = {"property": row["property"], "group": row["group"], "images": f"{row['images']:,d}"}
        for metric, title in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
            line[title] = estimate((row[metric], row[f"{metric}.low"], row[f"{metric}.high"]), ".2f")
        lines.append(line | {name.removeprefix("recall."): number(row[name], ".2f") for name in recalls})
    return pd.DataFrame(lines)


def gaps_table(gaps: pd.DataFrame) -> pd.DataFrame:
    """A row a property: the groups that are read best and worst, and what chance has to do with it.

    Args:
        gaps: of ``fer.evaluation.groups.gap_table``.
    """
    lines = []
    for row in gaps.to_dict("records"):
        best, worst = (f"{row[end]} {row[f'accuracy_{end}']:.3f}" for end in ("best", "worst"))
        line = {"property": row["property"], "read best": best, "read worst": worst, "gap": f"{row['gap']:.3f}"}
        line |= {"p": f"{row['p']:.3f}", "p, corrected": f"{row['p_corrected']:.3f}", "dealt anew": row["dealt"]}
        lines.append(line | {"": "proven" if row["p_corrected"] <= LEVEL else "may be chance"})
    return pd.DataFrame(lines)
