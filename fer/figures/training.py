"""Figures of trained architectures: curves, confusion matrix, sample predictions, comparison."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from fer.emotions import EMOTION_COLORS
from fer.figures.style import FAINT, INK, MARGIN, draw, pixel_axes, text_width

WRONG = "#b23a2a"


def learning_curves(history: pd.DataFrame, best_epoch: int, title: str, path: Path) -> None:
    """Loss, accuracy and validation macro-F1 by epoch, the kept epoch marked.

    Args:
        history: columns ``epoch``, ``loss``, ``accuracy``, ``validation.accuracy``, ``validation.macro_f1``.
        best_epoch: the epoch whose weights were kept.
        title: names architecture and data set.
        path: the PNG to write.
    """
    subtitle = (
        f"the vertical line is epoch {best_epoch}, whose weights were kept; training accuracy is on augmented faces"
    )
    with draw(path, 1400, 640, title, subtitle) as figure:
        left, right = pixel_axes(figure, 100, 120, 530, 430), pixel_axes(figure, 760, 120, 600, 430)
        left.plot(history["epoch"], history["loss"], color=INK, marker="o", markersize=3)
        left.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
        for column, label, style in (
            ("accuracy", "accuracy, train", ":"),
            ("validation.accuracy", "accuracy, validation", "-"),
            ("validation.macro_f1", "macro-F1, validation", "--"),
        ):
            right.plot(history["epoch"], history[column], style, label=label, color=INK, marker="o", markersize=3)
        right.set(xlabel="epoch", ylim=(0, 1))
        right.legend(loc="lower right")
        for axes in (left, right):
            axes.axvline(best_epoch, color=FAINT, linewidth=0.8, zorder=0)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def confusion_matrix(matrix: np.ndarray, classes: tuple[str, ...], title: str, path: Path) -> None:
    """Counts by label (rows) and prediction (columns), shaded by the share of the label.

    Args:
        matrix: int ``[C, C]``.
        classes: names of the codes.
        title: names architecture, split and data set.
        path: the PNG to write.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 105 * len(classes)
    with draw(
        path, max(side + 200, 900), side + 260, title, "share of each label's images, and their number"
    ) as figure:
        axes = pixel_axes(figure, 150, 110, side, side)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*matrix.shape):
            colour = "white" if shares[row, column] > 0.55 else INK
            text = f"{shares[row, column]:.0%}\n{matrix[row, column]}"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
        axes.set_xticks(range(len(classes)), classes, rotation=35, ha="right")
        axes.set_yticks(range(len(classes)), classes)
        axes.set(xlabel="predicted", ylabel="label")
        axes.spines[:].set_visible(False)


def sample_predictions(
    faces: np.ndarray, labels: list[str], answers: dict[str, list[str]], title: str, path: Path
) -> None:
    """The same faces with every model's prediction: a column a face, a line a model.

    Args:
        faces: uint8 ``[N, 48, 48]``.
        labels: N emotion names.
        answers: N emotion names per model's title.
        title: names split and data set.
        path: the PNG to write.
    """
    face, gap, line, size = 130, 14, 40, 10
    left = MARGIN + text_width(["label", *answers], size) + 20
    width, height = left + len(faces) * (face + gap) + MARGIN, 110 + face + line * (len(answers) + 1) + 40
    with draw(path, width, height, title, "each model's answer; wrong ones in red") as figure:
        for number, image in enumerate(faces):
            x = left + number * (face + gap)
            axes = pixel_axes(figure, x, 100, face, face)
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
            column = [("label", labels[number]), *((name, given[number]) for name, given in answers.items())]
            for row, (name, answer) in enumerate(column):
                y = 1 - (100 + face + 30 + line * row) / height
                colour = EMOTION_COLORS[answer] if row == 0 else INK if answer == labels[number] else WRONG
                weight = "bold" if row == 0 else "normal"
                figure.text((x + face / 2) / width, y, answer, ha="center", va="center", color=colour, weight=weight)
                if number == 0:
                    figure.text((left - 20) / width, y, name, ha="right", va="center", size=size, color=FAINT)


def comparison(table: pd.DataFrame, classes: tuple[str, ...], title: str, subtitle: str, path: Path) -> None:
    """The comparison as a picture: test F1 per class, macro-F1 and accuracy with intervals, a row an architecture.

    Args:
        table: the comparison's rows, best first, with its CSV's columns; a latency may be missing.
        classes: the task's emotions.
        title: names the data set.
        subtitle: how to read it.
        path: the PNG to write.
    """
    columns = [*(f"test.f1.{name}" for name in classes), "test.macro_f1", "test.accuracy"]
    heads = [*classes, "macro-F1", "accuracy"]
    names = [f"{title}\n{weights} weights" for title, weights in zip(table["title"], table["weights"], strict=True)]
    cell, row_height, left = 118, 74, MARGIN + text_width(names, 9) + 8
    width, height = left + cell * (len(columns) + 2) + 40, 170 + row_height * len(table) + 30
    with draw(path, width, height, title, subtitle) as figure:
        axes = pixel_axes(figure, left, 160, cell * (len(columns) + 2), row_height * len(table))
        values = table[columns].to_numpy(float)
        padded = np.hstack([values, np.full((len(table), 2), np.nan)])
        axes.imshow(padded, cmap="Blues", vmin=0, vmax=1.1, aspect="auto")
        for row, column in np.ndindex(*values.shape):
            text = f"{values[row, column]:.2f}"
            name = columns[column]
            if f"{name}.low" in table:
                text += f"\n{table[f'{name}.low'].iloc[row]:.2f}-{table[f'{name}.high'].iloc[row]:.2f}"
            best = 0 < values[row, column] == values[:, column].max()
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=9,
                color="white" if values[row, column] > 0.62 else INK,
                weight="bold" if best else "normal",
            )
        for row, (params, latency) in enumerate(zip(table["params"], table["latency_ms"], strict=True)):
            axes.text(len(columns), row, f"{params / 1e6:.2f} M", ha="center", va="center", fontsize=9)
            time = "-" if np.isnan(latency) else f"{latency:.1f} ms"
            axes.text(len(columns) + 1, row, time, ha="center", va="center", fontsize=9)
        axes.set_yticks(range(len(table)), names, fontsize=9)
        axes.set_xticks(range(len(columns) + 2), [*heads, "parameters", "latency"], fontsize=9)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
