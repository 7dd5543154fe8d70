"""Which pixels moved a model's predictions, drawn over the faces."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer.emotions import EMOTION_COLORS
from fer.figures.style import draw, pixel_axes

#: Pixels of an enlarged face, and between the pairs of face and map.
FACE, GAP = 144, 40


def saliency_sheet(faces: np.ndarray, maps: np.ndarray, predicted: pd.Series, title: str, path: Path) -> None:
    """A row per emotion: every face, and beside it the face under its map.

    Args:
        faces: uint8 ``[N, H, W]``.
        maps: float ``[N, H, W]`` of ``fer.evaluation.saliency.occlusion_maps``.
        predicted: N emotions, equal ones next to each other.
        title: names model, split and data set.
        path: the PNG to write.
    """
    emotions = list(dict.fromkeys(predicted))
    pair = 2 * FACE + 8 + GAP
    most = int(predicted.value_counts().max())
    width, height = max(150 + most * pair, 1100), 110 + (FACE + 16) * len(emotions) + 20
    subtitle = "orange: covering it makes the prediction less probable, purple: more; each face on its own scale"
    with draw(path, width, height, title, subtitle) as figure:
        for row, emotion in enumerate(emotions):
            top = 110 + row * (FACE + 16)
            y = 1 - (top + FACE / 2) / height
            figure.text(130 / width, y, emotion, ha="right", va="center", color=EMOTION_COLORS[emotion], weight="bold")
            for column, number in enumerate(np.flatnonzero(predicted == emotion)):
                left = 150 + column * pair
                plain, marked = (pixel_axes(figure, left + x, top, FACE, FACE) for x in (0, FACE + 8))
                for axes in (plain, marked):
                    axes.imshow(faces[number], cmap="gray", vmin=0, vmax=255)
                    axes.set_axis_off()
                limit = float(np.abs(maps[number]).max()) or 1.0
                marked.imshow(
                    maps[number],
                    cmap="PuOr_r",
                    vmin=-limit,
                    vmax=limit,
                    alpha=0.8 * np.sqrt(np.abs(maps[number]) / limit),
                    interpolation="bicubic",
                )
