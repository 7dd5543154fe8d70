"""Charts of an audit: measurements by split, what taggers say, accuracy by part and by the strength of a change."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fer.figures.panels import Panel
from fer.figures.style import FAINT, GRID, INK, MARGIN, draw, pixel_axes

#: The colours of the splits, of what taggers say, and of models: told apart on white and on black.
SPLIT_COLORS = {"train": "#3b7dc4", "validation": "#d9822b", "test": "#2a9d8f"}
VERDICT_COLORS = ("#2a9d8f", "#c8412f", "#8a94a0")
MODEL_COLORS = (
    *("#3b7dc4", "#d9822b", "#2a9d8f", "#b0568f", "#8a7a2f", "#6f63c9", "#c8412f", "#4f8f3a", "#a06a4a", "#5f8aa0"),
)

_BINS = 40


def quality_panels(table: pd.DataFrame, measures: Mapping[str, str]) -> list[Panel]:
    """A histogram of every measurement: of each split the share of its images in every bin.

    Args:
        table: a row per image, with ``split`` and the measurements.
        measures: the column's unit by its name.
    """
    return [_quality_panel(table, name, unit) for name, unit in measures.items()]


def _quality_panel(table: pd.DataFrame, name: str, unit: str) -> Panel:
    parts = {split: table[name][table["split"] == split].to_numpy() for split in SPLIT_COLORS}
    parts = {split: values for split, values in parts.items() if len(values)}
    low, high = (float(end) for end in np.quantile(table[name], [0.001, 0.999]))
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)

    def fill(axes: Axes) -> None:
        for split, values in parts.items():
            counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
            axes.stairs(100 * counts / len(values), edges, color=SPLIT_COLORS[split], linewidth=1.6)
        axes.set(xlabel=unit, ylabel="% of the split", ylim=(0, None))
        axes.margins(x=0)
        axes.grid(axis="y")

    medians = ", ".join(f"{split} {np.median(values):.2f}" for split, values in parts.items())
    title = name.replace("_", " ")
    return Panel(title, f"Histogram of {title} ({unit}) by split. Medians: {medians}.", fill)


def agreement_panel(shares: pd.DataFrame) -> Panel:
    """Bars of what taggers say of every label.

    Args:
        shares: a row per label, a column per verdict, at most three: 0 to 1.
    """
    names = [str(name) for name in shares.index]

    def fill(axes: Axes) -> None:
        left = np.zeros(len(shares))
        for (_, column), color in zip(shares.items(), VERDICT_COLORS, strict=False):
            axes.barh(range(len(shares)), 100 * column, left=left, color=color, height=0.72)
            left += 100 * column.to_numpy()
        axes.set_yticks(range(len(shares)), names)
        axes.invert_yaxis()
        axes.set(xlabel="% of the label's images", xlim=(0, 100))
        axes.tick_params(axis="y", length=0)

    first = str(shares.columns[0])
    said = ", ".join(f"{name} {share:.0%}" for name, share in zip(names, shares[first], strict=True))
    return Panel("What FER+'s taggers say of every label", f"{first}, by label: {said}.", fill, left=72)


def slice_panels(slices: pd.DataFrame, best: str) -> list[Panel]:
    """A panel for every property: accuracy on its parts, all models as dots, the best with its interval.

    Args:
        slices: columns ``property``, ``part``, ``model``, ``images``, ``accuracy``, ``low`` and ``high``.
        best: the model that is drawn with its interval.
    """
    return [_slice_panel(str(name), part, best) for name, part in slices.groupby("property", sort=False)]


def _slice_panel(name: str, slices: pd.DataFrame, best: str) -> Panel:
    rows = slices[slices["model"] == best].reset_index(drop=True)
    places = {str(part): place for place, part in enumerate(rows["part"])}
    others = slices[slices["model"] != best]
    labels = [f"{_short(str(row.part))} ({row.images:,})" for row in rows.itertuples()]

    def fill(axes: Axes) -> None:
        axes.plot(100 * others["accuracy"], others["part"].map(places), "o", color=FAINT, markersize=3, alpha=0.55)
        errors = 100 * np.array([rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]])
        look: dict[str, Any] = {"fmt": "o", "color": MODEL_COLORS[0], "markersize": 6, "capsize": 3}
        axes.errorbar(100 * rows["accuracy"], range(len(rows)), xerr=errors, **look)
        axes.set_yticks(range(len(rows)), labels, parse_math=False)
        axes.set(xlabel="accuracy, %", ylim=(len(rows) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")

    said = "; ".join(
        f"{row.part} {row.accuracy:.1%} ({row.low:.1%} to {row.high:.1%}) of {row.images}" for row in rows.itertuples()
    )
    return Panel(name, f"Accuracy of {best} by {name}: {said}.", fill, left=20 + 6 * max(map(len, labels)))


def _short(text: str, most: int = 18) -> str:
    return text if len(text) <= most else text[: most - 1] + "\u2026"


def robustness_panels(curves: pd.DataFrame, axes_of: Mapping[str, str], colors: Mapping[str, str]) -> list[Panel]:
    """A panel for every kind of change: accuracy by its strength, a line a model with its interval.

    Args:
        curves: columns ``model``, ``change``, ``strength``, ``accuracy``, ``low`` and ``high``.
        axes_of: what the strength is, by the kind of change.
        colors: by model.
    """
    return [
        _robustness_panel(str(kind), part, axes_of[str(kind)], colors)
        for kind, part in curves.groupby("change", sort=False)
    ]


def _robustness_panel(kind: str, curves: pd.DataFrame, axis: str, colors: Mapping[str, str]) -> Panel:
    lines = {model: curves[curves["model"] == model] for model in colors}
    lowest = {model: line.iloc[line["accuracy"].argmin()] for model, line in lines.items()}

    def fill(axes: Axes) -> None:
        for model, line in lines.items():
            strength, color = line["strength"], colors[model]
            axes.fill_between(strength, 100 * line["low"], 100 * line["high"], color=color, alpha=0.12, linewidth=0)
            axes.plot(strength, 100 * line["accuracy"], "o-", color=color, markersize=3.5, linewidth=1.6)
        axes.set(xlabel=axis, ylabel="accuracy, %", ylim=(0, 100))
        axes.grid(axis="y")

    said = "; ".join(f"{model} falls to {row['accuracy']:.0%} at {row['strength']:g}" for model, row in lowest.items())
    return Panel(kind, f"Accuracy by {axis}: {said}.", fill)


def model_colors(models: Sequence[str]) -> dict[str, str]:
    """A colour for every model; of many, some have the same."""
    return {model: MODEL_COLORS[place % len(MODEL_COLORS)] for place, model in enumerate(models)}


def map_png(points: np.ndarray, labels: Sequence[str], colors: Mapping[str, str], title: str, path: Path) -> None:
    """The embedding as a map: a dot a face, its colour that of its label.

    Args:
        points: float ``[N, 2]``.
        labels: N emotion names.
        colors: by emotion.
        title: names the data set and the number of images.
        path: the PNG to write.
    """
    side = 1300
    names = np.asarray(labels)
    subtitle = "near faces look alike to the network; axes have no meaning of their own"
    with draw(path, side + 2 * MARGIN, side + 180, title, subtitle) as figure:
        axes = pixel_axes(figure, MARGIN, 130, side, side)
        for name, color in colors.items():
            own = points[names == name]
            axes.plot(own[:, 0], own[:, 1], "o", color=color, markersize=3, alpha=0.75, label=name)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(GRID)
        place = (MARGIN / (side + 2 * MARGIN), 1 - 96 / (side + 180))
        figure.legend(loc="upper left", bbox_to_anchor=place, ncols=8, fontsize=9, markerscale=2, labelcolor=INK)
