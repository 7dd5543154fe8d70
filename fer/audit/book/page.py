"""reports/data/index.html: the book as one page that loads nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from fer.audit.book.averages import Pair, red_and_blue
from fer.audit.book.book import MEASURES, Book
from fer.audit.book.copies import EXACT, spread
from fer.audit.book.embedding_map import EmbeddingMap
from fer.audit.book.galleries import Gallery
from fer.audit.book.pictures import ATLAS_SIDE, Face, atlas_uri, exact_uri, face_at, face_uri
from fer.audit.book.slices import widest_gaps
from fer.audit.copies import COPY
from fer.audit.page import NEAR_CHECK, near_check
from fer.data.dataset import SPLITS, FaceDataset
from fer.data.statistics import class_counts
from fer.emotions import EMOTION_COLORS
from fer.evaluation.groups import group_columns
from fer.evaluation.robustness_curves import SERIES, curve_rows
from fer.figures.audit import (
    SPLIT_COLORS,
    VERDICT_COLORS,
    agreement_panel,
    model_colors,
    quality_panels,
    robustness_panels,
    slice_panels,
)
from fer.figures.panels import Panel, panel_svg

#: Faces in a line of the map's atlas.
ATLAS_COLUMNS = 50
#: Levels of an average image between its darkest and brightest place: all averages share one scale.
LEVELS = 255


def book_page(book: Book) -> str:
    """The page as HTML: pictures, style and script are inside."""
    environment = Environment(
        loader=PackageLoader("fer.report"),
        autoescape=True,  # names and labels are other people's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": _counted, "percent": lambda share: f"{100 * share:.0f}\u00a0%"}
    values = _facts(book) | _classes(book) | _quality(book) | _flaws(book) | _copies(book) | _labels(book)
    values |= _models(book) | _map(book.dataset, book.found.table, book.map)
    return environment.get_template("book.html.jinja").render(values)


def _facts(book: Book) -> dict[str, Any]:
    return {
        "dataset": book.dataset,
        "splits": SPLITS,
        "summary": book.found.summary,
        "colors": EMOTION_COLORS,
        "split_colors": SPLIT_COLORS,
        "hidden_groups": [name for name in group_columns(book.dataset.table) if book.dataset.table[name].nunique() < 2],
        "groups": group_columns(book.dataset.table),
    }


def _classes(book: Book) -> dict[str, Any]:
    counts = class_counts(book.dataset)
    rows = counts.to_dict("records")
    low = min((float(mean.min()) for mean in book.averages.values()), default=0)
    high = max((float(mean.max()) for mean in book.averages.values()), default=1)
    scale = LEVELS / max(high - low, 1e-6)
    train = book.dataset.table[book.dataset.table["split"] == "train"]["emotion"].value_counts()
    averages = [
        Face(
            exact_uri(np.rint((mean - low) * scale).astype(np.uint8)),
            f"Average of {train[name]:,} train images labelled {name}",
            name,
            (f"{train[name]:,} images",),
        )
        for name, mean in book.averages.items()
    ]
    limit = max((float(np.abs(pair.difference).max()) for pair in book.pairs), default=1.0) or 1.0
    largest = float(counts["share"].max()) or 1.0
    return {
        "class_rows": [
            {
                "name": name,
                "cells": [row for split in SPLITS for row in rows if (row["emotion"], row["split"]) == (name, split)],
            }
            for name in book.dataset.classes
        ],
        "largest_share": largest,
        "averages": averages,
        "without_average": [name for name in book.dataset.classes if name not in book.averages],
        "pairs": [_pair(pair, limit) for pair in sorted(book.pairs, key=lambda one: one.told_apart or 0)],
        "limit": limit,
    }


def _pair(pair: Pair, limit: float) -> Face:
    where = f"{'brighter' if pair.brighter else 'darker'} {pair.where}"
    lines = [where] + ([f"{pair.told_apart:.0%} told apart"] if pair.told_apart is not None else [])
    said = f"Average {pair.first} face less the average {pair.second} face: mostly a {where}."
    return Face(
        exact_uri(red_and_blue(pair.difference, limit)), said, f"{pair.first} \u2212 {pair.second}", tuple(lines)
    )


def _quality(book: Book) -> dict[str, Any]:
    panels = quality_panels(book.found.table, MEASURES)
    drifts = {
        split: max(((name, far["distance"]) for name, far in values.items()), key=lambda one: one[1])
        for split, values in book.found.summary["drift"].items()
        if len(book.dataset.rows(split)) and len(book.dataset.rows("train"))
    }
    return {"quality": _svgs(panels, "quality"), "drifts": drifts}


def _flaws(book: Book) -> dict[str, Any]:
    return {
        "galleries": [
            (gallery, [_flawed(book.dataset, gallery, place) for place in gallery.shown])
            for gallery in book.galleries
            if len(gallery.rows)
        ],
        "empty_galleries": [gallery.name.replace("_", " ") for gallery in book.galleries if not len(gallery.rows)],
    }


def _flawed(dataset: FaceDataset, gallery: Gallery, place: int) -> Face:
    return face_at(dataset, int(gallery.rows[place]), lines=[f"{gallery.scores[place]:.2f}"])


def _copies(book: Book) -> dict[str, Any]:
    emotions = book.dataset.table["emotion"].to_numpy()
    near = [
        {
            "faces": [face_at(book.dataset, row) for row in (pair.first, pair.second)],
            "similarity": pair.similarity,
            "mirrored": pair.mirrored,
            "labels": emotions[pair.first] != emotions[pair.second],
        }
        for pair in spread(book.near)
    ]
    return {
        "exact": [
            {"uri": face_uri(book.dataset.images[one.row]), "places": one.places, "labels": one.labels}
            for one in book.exact[:EXACT]
        ],
        "exact_count": len(book.exact),
        "exact_conflicts": sum(one.labels > 1 for one in book.exact),
        "near": near,
        "near_count": len(book.near),
        "near_mirrored": sum(pair.mirrored for pair in book.near),
        "copy_bound": COPY,
        "near_check": near_check(book.records / NEAR_CHECK),
    }


def _labels(book: Book) -> dict[str, Any]:
    dataset = book.dataset
    emotions = dataset.table["emotion"]
    doubts = [
        {
            "face": face_at(dataset, doubt.row, doubt.label),
            "doubt": doubt,
            "neighbours": [face_at(dataset, row, emotions[row]) for row in doubt.neighbours],
            "asked": sum(count for _, count in doubt.tally),
        }
        for doubt in book.doubts
    ]
    said = book.agreement
    disagreeing = [] if said is None else list(zip(said.disagreeing, said.votes, strict=True))
    return {
        "doubts": doubts,
        "agreement": said,
        "agreement_panel": None if said is None else _svgs([agreement_panel(said.shares)], "agreement")[0],
        "verdicts": {} if said is None else dict(zip(said.shares.columns, VERDICT_COLORS, strict=False)),
        "disagreeing": [face_at(dataset, row, f"label {emotions[row]}", [votes]) for row, votes in disagreeing],
    }


def _models(book: Book) -> dict[str, Any]:
    colors = model_colors(list(dict.fromkeys(book.curves["model"])))
    axes_of = {name: series.axis for name, series in SERIES.items()}
    best = book.slices[book.slices["model"] == book.best]
    return {
        "best": book.best,
        "sliced": sorted(set(book.slices["model"])),
        "slices": _svgs(slice_panels(book.slices, book.best), "slice") if len(book.slices) else [],
        "slice_rows": best.to_dict("records"),
        "gaps": widest_gaps(book.slices, book.best) if len(book.slices) else [],
        "curves": _svgs(robustness_panels(book.curves, axes_of, colors), "curve") if len(book.curves) else [],
        "curve_models": colors,
        "curve_images": int(book.curves["images"].max()) if len(book.curves) else 0,
        "curve_table": _wide(book.curves),
        "examples": _examples(book.dataset) if len(book.curves) else [],
    }


def _wide(curves: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """By kind of change a row per strength: the strength, and the accuracy of every model in percent."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for (kind, strength), part in curves.groupby(["change", "strength"], sort=False):
        shown = {model: f"{100 * value:.1f}" for model, value in zip(part["model"], part["accuracy"], strict=True)}
        tables.setdefault(str(kind), []).append({"strength": f"{strength:g}", "accuracy": shown})
    return tables


def _examples(dataset: FaceDataset) -> list[dict[str, Any]]:
    """One test face under every change at every strength."""
    face = np.asarray(dataset.images[curve_rows(dataset)[:1]])
    return [
        {
            "kind": kind,
            "faces": [
                Face(face_uri(change(face)[0]), f"The face under {kind} of {strength:g}", f"{strength:g}")
                for strength, change in series.points(dataset.face_size)
            ],
        }
        for kind, series in SERIES.items()
    ]


def _map(dataset: FaceDataset, table: pd.DataFrame, placed: EmbeddingMap) -> dict[str, Any]:
    """The points of the map for the page's script, and their faces as one picture."""
    shown = table.loc[placed.rows]
    classes = list(dataset.classes)
    code = {name: place for place, name in enumerate(classes)}
    return {
        "atlas": atlas_uri([dataset.images[row] for row in placed.rows], ATLAS_COLUMNS),
        "map_by": placed.by,
        "map": {
            "side": ATLAS_SIDE,
            "columns": ATLAS_COLUMNS,
            "classes": classes,
            "splits": list(SPLITS),
            "colors": {"label": [EMOTION_COLORS[name] for name in classes], "split": list(SPLIT_COLORS.values())},
            "x": np.rint(1000 * placed.places[:, 0]).astype(int).tolist(),
            "y": np.rint(1000 * placed.places[:, 1]).astype(int).tolist(),
            "id": shown["source_id"].astype(str).tolist(),
            "label": shown["emotion"].map(code).tolist(),
            "split": [SPLITS.index(split) for split in shown["split"]],
            "suggested": shown["suggested"].map(code).tolist(),
            "doubtful": shown["label_doubtful"].astype(int).tolist(),
        },
    }


def _svgs(panels: Sequence[Panel], name: str) -> list[dict[str, str]]:
    return [
        {"title": panel.title, "said": panel.said, "svg": panel_svg(panel, f"{name}{number}")}
        for number, panel in enumerate(panels)
    ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
