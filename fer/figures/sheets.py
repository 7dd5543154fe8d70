"""Sheets of faces: with lines under each, and the average faces of a data set against each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer.emotions import EMOTION_COLORS
from fer.figures.style import FAINT, INK, MARGIN, draw, pixel_axes

#: Pixels of an enlarged face, between two, and of a line under one.
FACE, GAP, LINE = 144, 26, 24
COLUMNS = 8
#: Letters that fit under a face.
LETTERS = 20
_TOP = 120


def captioned_faces(
    images: Sequence[np.ndarray], captions: Sequence[Sequence[str]], title: str, subtitle: str, path: Path
) -> None:
    """Faces in rows, each with its lines under it, of which the first is bold.

    Args:
        images: one at least, uint8 ``[H, W]``.
        captions: of every image the same number of lines.
        title: names what they have in common, and the data set.
        subtitle: how to read them.
        path: the PNG to write.
    """
    cell, height = FACE + GAP, FACE + 16 + LINE * len(captions[0])
    width = COLUMNS * cell + 2 * MARGIN
    full = _TOP + -(-len(images) // COLUMNS) * height + 10
    with draw(path, width, full, title, subtitle) as figure:
        for number, (image, lines) in enumerate(zip(images, captions, strict=True)):
            left, top = MARGIN + number % COLUMNS * cell, _TOP + number // COLUMNS * height
            axes = pixel_axes(figure, left, top, FACE, FACE)
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
            for line, text in enumerate(lines):
                shown = text if len(text) <= LETTERS else "\u2026" + text[1 - LETTERS :]
                x, y = (left + FACE / 2) / width, 1 - (top + FACE + 14 + line * LINE) / full
                look: dict[str, Any] = {"color": FAINT} if line else {"color": INK, "weight": "bold"}
                figure.text(x, y, shown, ha="center", va="center", size=6.5, parse_math=False, **look)


def contrast_matrix(differences: Mapping[tuple[str, str], np.ndarray], title: str, path: Path) -> None:
    """The difference of the average faces of every two classes: red where the row's is brighter, blue where darker.

    Args:
        differences: float ``[H, W]`` by row and column, grey values; one at least.
        title: names the data set.
        path: the PNG to write.
    """
    names = list(dict.fromkeys(name for pair in differences for name in pair))
    limit = max(float(np.abs(difference).max()) for difference in differences.values()) or 1.0
    size, label = FACE, 130
    width = max(2 * MARGIN + label + len(names) * (size + 8), 1100)
    height = _TOP + 40 + len(names) * (size + 8) + 10
    subtitle = "row less column, at the same overall brightness; red: brighter in the row, blue: darker; "
    subtitle += f"{limit:.0f} grey values at most"
    with draw(path, width, height, title, subtitle) as figure:
        for place, name in enumerate(names):
            start, color = label + MARGIN + place * (size + 8), EMOTION_COLORS[name]
            x, y = (start + size / 2) / width, 1 - (_TOP + 15) / height
            figure.text(x, y, name, ha="center", va="center", color=color, weight="bold", size=9)
            x, y = MARGIN / width, 1 - (_TOP + 40 + place * (size + 8) + size / 2) / height
            figure.text(x, y, name, ha="left", va="center", color=color, weight="bold", size=9)
        for (row, column), difference in differences.items():
            for first, second, values in ((row, column, difference), (column, row, -difference)):
                left = label + MARGIN + names.index(second) * (size + 8)
                top = _TOP + 40 + names.index(first) * (size + 8)
                axes = pixel_axes(figure, left, top, size, size)
                axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="bicubic")
                axes.set_axis_off()
