"""Figures of a data set: classes per split, average faces, what sets emotions apart, and the faces themselves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from fer.data.dataset import SPLITS, FaceDataset
from fer.data.statistics import class_counts
from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.figures.style import FAINT, INK, MARGIN, draw, pixel_axes

_TOP = 120
_GAP = 18
_ZOOM = 4
_NARROWEST = 1400
_STRENGTHS = (1.0, 0.62, 0.34)


def class_distribution(dataset: FaceDataset, path: Path) -> None:
    """Grouped bars: every class's share of its split, with the number of images on top."""
    counts = class_counts(dataset)
    width, height = 1500, 800
    totals = ", ".join(f"{split} {len(dataset.rows(split)):,}" for split in SPLITS)
    title = f"Class distribution of {_name(dataset)}"
    with draw(path, width, height, title, f"Share of each split; images on the bars. {totals}.") as figure:
        axes = pixel_axes(figure, 100, _TOP + 10, width - 100 - MARGIN, height - _TOP - 80)
        bar = 0.29
        for position, split in enumerate(SPLITS):
            rows = counts[counts["split"] == split]
            middle = np.arange(len(rows)) + (position - 1) * bar
            colors = [_tint(EMOTION_COLORS[emotion], _STRENGTHS[position]) for emotion in rows["emotion"]]
            bars = axes.bar(middle, rows["share"] * 100, bar * 0.94, color=colors)
            axes.bar_label(bars, [f"{images:,}" for images in rows["images"]], size=7, color=INK, padding=2)
            axes.bar(0, 0, color=_tint("#555555", _STRENGTHS[position]), label=split)
        axes.set_xticks(range(len(dataset.classes)), dataset.classes, size=11)
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel("share of the split, %")
        axes.margins(x=0.01)
        axes.grid(axis="y")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(SPLITS))


def average_faces(dataset: FaceDataset, path: Path) -> None:
    """The mean train image of every emotion, all on one grey scale."""
    names, averages, counts = _averages(dataset)
    low, high = averages.min(), averages.max()
    title = f"Average face of every emotion, {_name(dataset, 'train')}"
    subtitle = f"Pixel means, on one grey scale from {low:.0f} (black) to {high:.0f} (white) of 255."
    size = averages.shape[1] * _ZOOM
    columns = len(names)
    width, height = max(_NARROWEST, 2 * MARGIN + columns * (size + _GAP) - _GAP), _TOP + size + 90
    with draw(path, width, height, title, subtitle) as figure:
        for column, emotion in enumerate(names):
            axes = pixel_axes(figure, MARGIN + column * (size + _GAP), _TOP, size, size)
            axes.imshow(averages[column], cmap="gray", vmin=low, vmax=high, interpolation="bicubic")
            _caption(axes, emotion, f"n = {counts[column]:,}", EMOTION_COLORS[emotion])


def contrast_images(dataset: FaceDataset, path: Path) -> None:
    """The average happy face minus that of every other emotion, each at the same overall brightness.

    Where happy is not among the classes, the first class takes its place.
    """
    names, averages, counts = _averages(dataset)
    reference = "happy" if "happy" in names else names[0]
    own = names.index(reference)
    others = [code for code in range(len(names)) if code != own]
    levelled = averages - averages.mean(axis=(1, 2), keepdims=True)
    differences = levelled[own] - levelled[others]
    limit = np.abs(differences).max()
    title = f"What sets {reference} apart, {_name(dataset, 'train')}"
    subtitle = f"Average {reference} face (n = {counts[own]:,}) minus that of each other emotion, at the same overall "
    subtitle += f"brightness. Red: {reference} is brighter. Blue: darker."
    size = averages.shape[1] * _ZOOM
    width = max(_NARROWEST, 2 * MARGIN + len(others) * (size + _GAP) + 90)
    with draw(path, width, _TOP + size + 90, title, subtitle) as figure:
        for column, code in enumerate(others):
            axes = pixel_axes(figure, MARGIN + column * (size + _GAP), _TOP, size, size)
            image = axes.imshow(differences[column], cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="bicubic")
            emotion = names[code]
            _caption(axes, f"minus {emotion}", f"n = {counts[code]:,}", EMOTION_COLORS[emotion])
        bar = figure.colorbar(image, cax=pixel_axes(figure, MARGIN + len(others) * (size + _GAP), _TOP, 20, size))
        bar.outline.set_visible(False)
        bar.set_label("grey levels", size=8)
        bar.ax.tick_params(labelsize=8)


def contact_sheet(
    images: np.ndarray, labels: Sequence[str], path: Path, *, title: str, columns: int = 14, per_class: int = 28
) -> None:
    """The first faces of every class, at twice their size.

    Args:
        images: uint8 ``[N, H, W]``.
        labels: ``N`` emotion names.
        path: where the PNG goes.
        title: names the data set and its number of images.
        columns: faces per line.
        per_class: faces shown of a class, at most.
    """
    names = np.asarray(labels)
    rows_of = {emotion: np.flatnonzero(names == emotion) for emotion in EMOTIONS if emotion in names}
    zoom, margin, label_width = 2, 2, 150
    sheets = {emotion: _tile(images[rows[:per_class]], columns, margin) for emotion, rows in rows_of.items()}
    heights = [sheet.shape[0] * zoom for sheet in sheets.values()]
    sheet_width = columns * (images.shape[2] + margin) * zoom
    width = MARGIN * 2 + label_width + sheet_width
    height = _TOP + sum(heights) + _GAP * len(heights) + MARGIN - _GAP
    with draw(path, width, height, title, f"The first {per_class} of every class.") as figure:
        top = _TOP
        for emotion, sheet in sheets.items():
            size = sheet.shape[0] * zoom, sheet.shape[1] * zoom
            axes = pixel_axes(figure, MARGIN + label_width, top, size[1], size[0])
            # as RGB, because a grey colour map shifts some levels by one
            axes.imshow(np.stack([sheet] * 3, axis=-1), interpolation="nearest", aspect="auto")
            axes.axis("off")
            left = MARGIN / width
            figure.text(left, 1 - (top + 4) / height, emotion, weight="bold", color=EMOTION_COLORS[emotion], va="top")
            shown = f"{len(rows_of[emotion]):,} images"
            figure.text(left, 1 - (top + 36) / height, shown, size=8, color=FAINT, va="top")
            top += size[0] + _GAP


def _name(dataset: FaceDataset, split: str | None = None) -> str:
    """Data set and number of images, of one split or of all."""
    count = len(dataset.rows(split)) if split else len(dataset)
    return f"{dataset.name} ({count:,} {split + ' ' if split else ''}images)"


def _averages(dataset: FaceDataset) -> tuple[list[str], np.ndarray, list[int]]:
    """The classes that train has, their mean images float64 ``[C, H, W]``, and of how many images each is the mean."""
    train, labels = dataset.rows("train"), dataset.labels
    groups = {name: train[labels[train] == code] for code, name in enumerate(dataset.classes)}
    groups = {name: rows for name, rows in groups.items() if len(rows)}
    means = np.stack([dataset.images[rows].mean(axis=0) for rows in groups.values()])
    return list(groups), means, [len(rows) for rows in groups.values()]


def _caption(axes: Axes, name: str, detail: str, color: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.text(0.5, -0.05, name, transform=axes.transAxes, ha="center", va="top", size=10, weight="bold", color=color)
    axes.text(0.5, -0.2, detail, transform=axes.transAxes, ha="center", va="top", size=9, color=FAINT)


def _tint(color: str, strength: float) -> tuple[float, ...]:
    """A colour mixed with white: 1 leaves it, 0 is white."""
    return tuple(1 - strength * (1 - channel) for channel in to_rgb(color))


def _tile(images: np.ndarray, columns: int, margin: int) -> np.ndarray:
    """uint8 sheet: the images in lines of ``columns``, a white margin right of and below each."""
    cells = np.pad(images, ((0, -len(images) % columns), (0, margin), (0, margin)), constant_values=255)
    cells[len(images) :] = 255
    count, height, width = cells.shape
    return cells.reshape(count // columns, columns, height, width).swapaxes(1, 2).reshape(-1, columns * width)
