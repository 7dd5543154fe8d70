"""The mistakes that a model makes most confidently, as a contact sheet."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer.emotions import EMOTION_COLORS, FERPLUS_OTHER, FERPLUS_VOTES
from fer.figures.style import FAINT, MARGIN, draw, pixel_axes

COLUMNS = 7
#: Pixels of an enlarged face, of a cell, and of the lines under a face.
FACE, CELL, LINE = 144, 250, 26


def mistakes_sheet(
    faces: np.ndarray, mistakes: pd.DataFrame, votes: pd.DataFrame | None, title: str, path: Path
) -> None:
    """Every face with its label, the model's prediction and confidence, and FER+'s votes where there are any.

    Args:
        faces: uint8 ``[N, 48, 48]``.
        mistakes: N rows of ``emotion``, ``predicted``, ``confidence``.
        votes: N rows of FER+ votes, columns by FER+'s names; None where the data set has none.
        title: names model, split and data set.
        path: the PNG to write.
    """
    height = FACE + LINE * 4 + 26
    full_width, full_height = COLUMNS * CELL + 2 * MARGIN, 110 + -(-len(faces) // COLUMNS) * height + 20
    subtitle = "label, the model's prediction and its confidence" + (
        "; below, the FER+ taggers' votes" if votes is not None else ""
    )
    with draw(path, full_width, full_height, title, subtitle) as figure:
        for number, (face, mistake) in enumerate(zip(faces, mistakes.itertuples(), strict=True)):
            left = MARGIN + number % COLUMNS * CELL + (CELL - FACE) // 2
            top = 110 + number // COLUMNS * height
            axes = pixel_axes(figure, left, top, FACE, FACE)
            axes.imshow(face, cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
            lines = [
                (f"label {mistake.emotion}", EMOTION_COLORS[str(mistake.emotion)], "bold"),
                (
                    f"predicted {mistake.predicted} {mistake.confidence:.0%}",
                    EMOTION_COLORS[str(mistake.predicted)],
                    "bold",
                ),
            ]
            if votes is not None:
                lines += [(text, FAINT, "normal") for text in _votes(votes.iloc[number])]
            for line, (text, colour, weight) in enumerate(lines):
                x, y = (left + FACE / 2) / full_width, 1 - (top + FACE + 18 + line * LINE) / full_height
                figure.text(x, y, text, ha="center", va="center", size=8, color=colour, weight=weight)


def _votes(row: pd.Series) -> list[str]:
    """The three options with most votes, in the data set's own words, two to a line."""
    words = FERPLUS_VOTES | {name: name for name in FERPLUS_OTHER} | {"NF": "no face"}
    top = row[row > 0].sort_values(ascending=False, kind="stable").head(3)
    options = [f"{words[str(name)]} {count:.0f}" for name, count in top.items()]
    return [", ".join(options[start : start + 2]) for start in (0, 2) if options[start:]]
