"""Small charts: as vector graphics inside a page, in the page's colours, and all of one kind as one PNG."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fer.figures.style import DPI, FAINT, GRID, INK, LOOK, MARGIN, draw, pixel_axes

#: Points of a panel, and of its sides that are left for ticks and labels: left, bottom, right, top.
WIDTH, HEIGHT = 360, 230
SIDES = (48, 46, 12, 26)
COLUMNS = 3
#: What the page calls a figure's colours.
PAGE_COLORS = {INK: "var(--text)", FAINT: "var(--quiet)", GRID: "var(--line)"}


@dataclass(frozen=True)
class Panel:
    """One chart.

    Attributes:
        title: what it shows, above it.
        said: the same with its figures, for those who do not see it.
        draw: fills the axes.
        left: points left for the labels of the vertical axis.
    """

    title: str
    said: str
    draw: Callable[[Axes], None]
    left: int = SIDES[0]


def panel_svg(panel: Panel, name: str) -> str:
    """A panel as the element ``svg`` of a page, whose style has ``--text``, ``--quiet`` and ``--line``.

    Args:
        panel: the chart.
        name: begins the ids inside, so that they differ from those of the page's other panels.
    """
    with mpl.rc_context(LOOK | {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 11.0}):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
        left, bottom, right, top = panel.left / WIDTH, SIDES[1] / HEIGHT, SIDES[2] / WIDTH, SIDES[3] / HEIGHT
        axes = figure.add_axes((left, bottom, 1 - left - right, 1 - bottom - top))
        axes.patch.set_visible(False)
        panel.draw(axes)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    for color, variable in PAGE_COLORS.items():
        text = text.replace(color, variable)
    used = {*re.findall(r'(?:xlink:href="#|url\(#)([\w-]+)', text)}
    text = re.sub(r' id="([\w-]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    return text.replace("<svg ", '<svg aria-hidden="true" ', 1)


def panels_png(
    panels: Sequence[Panel], path: Path, title: str, subtitle: str, legend: Mapping[str, str] | None = None
) -> None:
    """All panels as one figure, some to a line.

    Args:
        panels: one at least.
        path: the PNG to write.
        title: what they show, of which data set.
        subtitle: how to read them.
        legend: colours by what they stand for.
    """
    columns = min(COLUMNS, len(panels))
    cell_width, cell_height = WIDTH * DPI // 72, HEIGHT * DPI // 72
    top = 120 + (50 if legend else 0)
    width = max(2 * MARGIN + columns * cell_width, 1400)
    height = top + -(-len(panels) // columns) * cell_height + MARGIN
    scale = DPI / 72
    with draw(path, width, height, title, subtitle) as figure:
        if legend:
            handles = [Patch(color=color, label=name) for name, color in legend.items()]
            place = (MARGIN / width, 1 - 100 / height)
            columns_of = min(8, len(handles))
            figure.legend(handles=handles, loc="upper left", bbox_to_anchor=place, ncols=columns_of, fontsize=9)
        for number, panel in enumerate(panels):
            left = MARGIN + number % columns * cell_width + round(panel.left * scale)
            upper = top + number // columns * cell_height + round(SIDES[3] * scale)
            inner_width = cell_width - round((panel.left + SIDES[2]) * scale)
            axes = pixel_axes(figure, left, upper, inner_width, cell_height - round((SIDES[1] + SIDES[3]) * scale))
            panel.draw(axes)
            axes.set_title(panel.title, loc="left", size=10, weight="bold", parse_math=False)
