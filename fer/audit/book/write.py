"""What the book leaves on disk: the page, its figures as PNG, and the tables behind them."""

from pathlib import Path

import numpy as np

from fer.audit.book.book import MEASURES, Book
from fer.audit.book.copies import spread
from fer.audit.book.galleries import flaw_table
from fer.audit.book.page import book_page
from fer.audit.progress import Steps, silent
from fer.data.dataset import FaceDataset
from fer.emotions import EMOTION_COLORS
from fer.evaluation.robustness_curves import SERIES
from fer.figures.audit import (
    SPLIT_COLORS,
    VERDICT_COLORS,
    agreement_panel,
    map_png,
    model_colors,
    quality_panels,
    robustness_panels,
    slice_panels,
)
from fer.figures.data import average_faces, class_distribution
from fer.figures.panels import panels_png
from fer.figures.sheets import captioned_faces, contrast_matrix
from fer.files import replace_folder, write_text

PAGE, FIGURES = "index.html", "figures"
FLAWS, SLICES, ROBUSTNESS = "flaws.csv", "slices.csv", "robustness.csv"


def write_book(book: Book, folder: Path, steps: Steps = silent) -> None:
    """Write the page and all that goes with it.

    Args:
        book: what it shows.
        folder: of the audit.
        steps: told how many of the figures are drawn.
    """
    write_text(folder / FLAWS, flaw_table(book.galleries, book.found.table).to_csv(index=False, float_format="%.4f"))
    write_text(folder / SLICES, book.slices.to_csv(index=False, float_format="%.5f"))
    write_text(folder / ROBUSTNESS, book.curves.to_csv(index=False, float_format="%.5f"))
    with replace_folder(folder / FIGURES) as fresh:
        write_figures(book, fresh, steps)
    write_text(folder / PAGE, book_page(book))


def write_figures(book: Book, folder: Path, steps: Steps = silent) -> None:
    """Every figure of the page that has something to show, as PNG."""
    drawings = [_classes, _measured, _flawed, _copies, _labels, _models]
    for number, drawing in enumerate(drawings, start=1):
        drawing(book, folder)
        steps(number, len(drawings))


def _name(dataset: FaceDataset) -> str:
    return f"{dataset.name} ({len(dataset):,} images)"


def _classes(book: Book, folder: Path) -> None:
    class_distribution(book.dataset, folder / "class_distribution.png")
    if book.averages:
        average_faces(book.dataset, folder / "average_faces.png")
    if book.pairs:
        differences = {(pair.first, pair.second): pair.difference for pair in book.pairs}
        title = f"What sets every two classes apart, {_name(book.dataset)}"
        contrast_matrix(differences, title, folder / "contrast_images.png")


def _measured(book: Book, folder: Path) -> None:
    panels = quality_panels(book.found.table, MEASURES)
    title, subtitle = f"What images measure, {_name(book.dataset)}", "share of every split's images"
    panels_png(panels, folder / "quality.png", title, subtitle, SPLIT_COLORS)


def _flawed(book: Book, folder: Path) -> None:
    for gallery in book.galleries:
        if len(gallery.rows):
            rows = gallery.rows[gallery.shown]
            title = f"{gallery.name}: {len(gallery.rows):,} images of {_name(book.dataset)}"
            _sheet(
                book.dataset,
                rows,
                title,
                "evenly from the worst to the least bad one",
                folder / f"flaw_{gallery.name}.png",
            )


def _sheet(dataset: FaceDataset, rows: np.ndarray, title: str, subtitle: str, path: Path) -> None:
    """Faces with label, split and id."""
    captions = dataset.table.loc[rows, ["emotion", "split", "source_id"]].astype(str).to_numpy().tolist()
    captioned_faces([dataset.images[row] for row in rows], captions, title, subtitle, path)


def _copies(book: Book, folder: Path) -> None:
    rows = [row for pair in spread(book.near) for row in (pair.first, pair.second)]
    if rows:
        title = f"Near copies in two splits: {len(book.near):,} pairs of {_name(book.dataset)}"
        _sheet(book.dataset, np.array(rows), title, "two by two, the most similar first", folder / "near_copies.png")


def _labels(book: Book, folder: Path) -> None:
    if book.doubts:
        rows = np.array([doubt.row for doubt in book.doubts])
        images = [book.dataset.images[row] for row in rows]
        captions = [
            (
                doubt.label,
                f"{doubt.suggested} {doubt.probability:.0%}",
                " ".join(f"near: {n} {c}" for n, c in doubt.tally[:1]),
            )
            for doubt in book.doubts
        ]
        title = f"Doubtful labels of {_name(book.dataset)}"
        subtitle = "label; suggestion and its probability; the most frequent label of the nearest faces"
        captioned_faces(images, captions, title, subtitle, folder / "doubtful_labels.png")
    if book.agreement is not None:
        panel = agreement_panel(book.agreement.shares)
        legend = dict(zip(map(str, book.agreement.shares.columns), VERDICT_COLORS, strict=False))
        title = f"FER+ and the labels, {_name(book.dataset)}"
        panels_png([panel], folder / "ferplus_agreement.png", title, "share of every label's images", legend)


def _models(book: Book, folder: Path) -> None:
    name = _name(book.dataset)
    if len(book.slices):
        subtitle = f"test images; blue: {book.best} with its 95 % interval, grey: the other models"
        panels = slice_panels(book.slices, book.best)
        panels_png(panels, folder / "slices.png", f"Accuracy by property, {name}", subtitle)
    if len(book.curves):
        colors = model_colors(list(dict.fromkeys(book.curves["model"])))
        axes_of = {kind: series.axis for kind, series in SERIES.items()}
        subtitle = f"{int(book.curves['images'].max())} test images, with 95 % intervals"
        panels = robustness_panels(book.curves, axes_of, colors)
        panels_png(panels, folder / "robustness.png", f"Accuracy under changes, {name}", subtitle, colors)
    labels = book.dataset.table["emotion"].loc[book.map.rows].tolist()
    colors = {name: EMOTION_COLORS[name] for name in book.dataset.classes}
    title = f"The embedding of {name}, by {book.map.by}"
    map_png(book.map.places, labels, colors, title, folder / "embedding_map.png")
