"""docs/data-audit.md: what the audit of a data set found, from the files that are kept of it."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from fer.audit.copies import COPY
from fer.audit.flaws import PROXIES
from fer.audit.hand_check import proxy_worth
from fer.audit.labels import BUDGETS
from fer.audit.segments import FIXED
from fer.report.tables import estimate, markdown, number
from fer.report.template import render

SUMMARY, ACCURACY, PARTS = "audit.json", "test_accuracy.csv", "weak_parts.csv"
#: Measured once, by benchmarks/audit.py and by hand; a page without them says less.
PLANTED, GROWTH, NEAR_CHECK = "planted.json", "growth.json", "near_copies_check.csv"
HAND_CHECK, NAMED, TRIALS = "hand_check.csv", "hand_check.json", "proxies.json"
#: Adjusted p-value below which a difference is marked.
SIGNIFICANT = 0.05
TITLES = {
    "majority": "most votes go to something else, or half say that it is no face",
    "unanimous": "no tagger chose the label",
}


def audit_page(records: Path, link: str) -> str:
    """The page as Markdown.

    Args:
        records: the folder of ``SUMMARY``, ``ACCURACY`` and what else is kept.
        link: that folder, relative to the page.
    """
    summary = json.loads((records / SUMMARY).read_text(encoding="utf-8"))
    values: dict[str, Any] = {"link": link, "copy": COPY} | summary
    values |= {
        "flaw_table": markdown(_flaw_table(summary)),
        "class_table": markdown(_class_table(summary)),
        "overlap_table": markdown(_overlap_table(summary["overlap"])) if summary["overlap"] else "",
        "label_table": markdown(_label_table(summary["labels"])) if "majority" in summary["labels"] else "",
        "accuracy_table": _accuracy_table(records / ACCURACY),
        "losses": _losses(records / ACCURACY),
        "planted": _read(records / PLANTED),
        "growth": _read(records / GROWTH),
        "near_check": near_check(records / NEAR_CHECK),
        "worth_table": "",
        "trials": _read(records / TRIALS),
        "weak_table": "",
    }
    parts = pd.read_csv(records / PARTS) if (records / PARTS).is_file() else pd.DataFrame()
    if not parts.empty:
        found = ~parts["part"].isin(FIXED)
        values |= {"weak_table": markdown(_weak_table(parts)), "weak_found": int(found.sum())}
        values["weak_confirmed"] = int((parts["p"][found] < SIGNIFICANT).sum())
        values["weak_regress"] = float((parts["found_error"] - parts["error"])[found].mean())
    if (records / HAND_CHECK).is_file():
        checked = pd.read_csv(records / HAND_CHECK)
        values["rounds"] = checked["round"].value_counts(sort=False).tolist()
        values["worth_table"] = markdown(_worth_table(checked, _read(records / NAMED)["named"]))
    if values["planted"]:
        values["recall_table"] = markdown(_recall_table(values["planted"]["planted"]["near_copies"]))
    if values["growth"]:
        values["growth_table"] = markdown(_growth_table(values["growth"]["growth"]))
    return render("data-audit.md.jinja", {"percent": _percent}, values)


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _flaw_table(summary: dict[str, Any]) -> pd.DataFrame:
    rows = [
        {"flaw": name} | {split: f"{count:,}" for split, count in counts.items()}
        for name, counts in summary["flaws"].items()
    ]
    return pd.DataFrame(rows)


def _class_table(summary: dict[str, Any]) -> pd.DataFrame:
    """By measurement: the middle half, the medians of the classes furthest apart, and what the class explains."""
    rows = []
    for name, cue in summary["cues"].items():
        classes = cue["medians"]
        low, high = min(classes, key=classes.__getitem__), max(classes, key=classes.__getitem__)
        spread = summary["measures"][name]
        rows.append(
            {
                "measurement": name.replace("_", " "),
                "middle half of the images": f"{spread['0.25']:.2f} to {spread['0.75']:.2f}",
                "lowest median": f"{low} {classes[low]:.2f}",
                "highest median": f"{high} {classes[high]:.2f}",
                "explained by the class": f"{_explained(cue['explained'])} [{_explained(cue['low'])}, "
                f"{_explained(cue['high'])}]{_star(cue['p'])}",
                "drift of validation, test": ", ".join(_far(drift[name]) for drift in summary["drift"].values()),
            }
        )
    return pd.DataFrame(rows)


def _explained(share: float) -> str:
    return _percent(max(share, 0.0))


def _star(p: float) -> str:
    """What marks a difference that is not chance."""
    return " *" if p < SIGNIFICANT else ""


def _far(drift: dict[str, float]) -> str:
    return f"{drift['distance']:.3f}{_star(drift['p'])}"


def _overlap_table(overlap: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "classes": f"{row['one']} and {row['other']}",
            "images that could be either's": f"{row['images']:,}",
            "of all": _percent(row["share"]),
        }
        for row in overlap
    )


def _weak_table(parts: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": row["model"],
            "part": row["part"],
            "errors where found": f"{_percent(row['found_error'])} of {row['found_images']}",
            "errors on the other half": f"{_percent(row['error'])} of {row['images']}",
            "above the other images, points": f"{100 * (row['error'] - row['rest_error']):+.1f} "
            f"[{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]{_star(row['p'])}",
        }
        for _, row in parts.iterrows()
    )


def _label_table(labels: dict[str, Any]) -> pd.DataFrame:
    rows = []
    for truth, title in TITLES.items():
        for part, figures in labels[truth].items():
            row = {"a label is wrong where": title, "images": part, "base rate": _percent(figures["base_rate"])}
            row |= {
                f"precision at {budget:,}": _percent(figures[f"precision_at_{budget}"])
                if f"precision_at_{budget}" in figures
                else "-"
                for budget in BUDGETS
            }
            rows.append(row | {"average precision": number(figures.get("average_precision"))})
    return pd.DataFrame(rows)


def _accuracy_table(path: Path) -> str:
    """The table as Markdown; empty where no model is kept."""
    table = pd.read_csv(path)
    if table.empty:
        return ""
    ends = zip(table["accuracy"], table["low"], table["high"], strict=True)
    table["shown"] = [estimate(row, ".1f", " %", 100) for row in ends]
    table["part"] = [f"{part} ({images:,})" for part, images in zip(table["part"], table["images"], strict=True)]
    wide = table.pivot_table(index="model", columns="part", values="shown", aggfunc="first", sort=False)
    return markdown(wide.reset_index().rename_axis(columns=None))


def _losses(path: Path) -> list[float]:
    """By model, how much higher its accuracy is with near copies than without them, smallest first: -1 to 1."""
    table = pd.read_csv(path)
    if table.empty:
        return []
    wide = table.pivot(index="model", columns="part", values="accuracy")
    # Of a data set in which all test images have copies nothing is left to compare.
    return sorted((wide["without exact copies"] - wide["without exact and near copies"]).dropna().tolist())


def _recall_table(planted: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "copy": kind,
            "found": _percent(recall),
            "equal perceptual hash": _percent(planted["recall_of_equal_perceptual_hashes"][kind]),
        }
        for kind, recall in planted["recall"].items()
    )


def _growth_table(growth: list[dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "images": f"{row['images']:,.0f}",
            "search, s": f"{row['search_seconds']:,.0f}",
            "ms an image": f"{1000 * row['search_seconds'] / row['images']:.2f}",
            "candidates an image": f"{row['candidates'] / row['images']:.1f}",
            "memory, GB": f"{row['peak_gb']:.1f}",
        }
        for row in growth
    )


def near_check(path: Path) -> list[dict[str, Any]]:
    """By where the pairs were drawn from: how many were looked at, and how many are one photograph."""
    if not path.is_file():
        return []
    table = pd.read_csv(path).groupby("drawn_from", sort=False)["same_photograph"].agg(["size", "sum"])
    return [{"from": str(name), "pairs": int(row["size"]), "same": int(row["sum"])} for name, row in table.iterrows()]


def _worth_table(checked: pd.DataFrame, named: dict[str, float]) -> pd.DataFrame:
    worth = proxy_worth(checked, named)
    return pd.DataFrame(
        {
            "proxy": worth["proxy"],
            "names": worth["named"].map(_percent),
            "right": worth["right"].astype(str) + " of " + worth["checked"].astype(str),
            "precision": worth["precision"].map(lambda value: number(value, ".2f")),
            "recall, estimated": worth["recall"].map(lambda value: number(value, ".2f")),
            "flawed images, estimated": worth["share"].map(_percent),
            "measures": worth["proxy"].map(lambda name: PROXIES[name].measures),
            "cannot tell": worth["proxy"].map(lambda name: PROXIES[name].misses),
        }
    )
