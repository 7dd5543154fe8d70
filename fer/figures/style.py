"""The look that all figures share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer.files import replace_file

INK = "#1d2733"
FAINT = "#667380"
GRID = "#e3e8ee"

#: Pixels per inch: figures are laid out in pixels, so that faces are enlarged by whole factors.
DPI = 150

#: matplotlib's settings for it.
LOOK: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
}

#: Pixels left free beside a figure's content.
MARGIN = 30


@contextmanager
def draw(path: Path, width: int, height: int, title: str, subtitle: str = "") -> Iterator[Figure]:
    """Yield a titled figure in the shared look and write it to ``path`` as PNG when the block succeeds.

    Args:
        path: written whole or not at all, the same bytes for the same drawing.
        width: pixels.
        height: pixels; the title takes the first 110.
        title: what the figure shows, of which data set and how many images.
        subtitle: how to read it.
    """
    with mpl.rc_context(LOOK), replace_file(path) as fresh:
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        figure.text(MARGIN / width, 1 - 28 / height, title, size=13, weight="bold", va="top", parse_math=False)
        figure.text(MARGIN / width, 1 - 68 / height, subtitle, size=9.5, color=FAINT, va="top", parse_math=False)
        yield figure
        figure.savefig(fresh, format="png", metadata={"Software": None})


def pixel_axes(figure: Figure, left: int, top: int, width: int, height: int) -> Axes:
    """Axes that cover a box given in pixels from the figure's upper left corner."""
    full_width, full_height = figure.get_size_inches() * DPI
    return figure.add_axes(
        (left / full_width, 1 - (top + height) / full_height, width / full_width, height / full_height)
    )


def text_width(texts: Iterable[str], size: float) -> int:
    """Pixels that the widest of ``texts`` takes in the shared look, at ``size`` points."""
    with mpl.rc_context(LOOK):
        figure = Figure(dpi=DPI)
        return ceil(max(figure.text(0, 0, text, size=size).get_window_extent().width for text in texts))
