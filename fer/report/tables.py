"""Figures as text and tables for people."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.metrics import evaluate, restrict
from fer.evaluation.model_folder import ModelFolder


def with_interval(figures: Mapping[Any, Any], name: str) -> str:
    """A figure and its 95 % interval as text: ``name``, ``name.low`` and ``name.high`` of ``figures``."""
    return f"{figures[name]:.3f} [{figures[f'{name}.low']:.3f}, {figures[f'{name}.high']:.3f}]"


def deck_table(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """The table as in the deck, a column per model: test F1 per class, macro-F1, accuracy, size and latency.

    A latency that is not a number was not measured: "-".
    """
    lines: dict[str, pd.Series] = {"weights": table["weights"]}
    lines |= {f"F1 {name}": table[f"test.f1.{name}"].map("{:.3f}".format) for name in classes}
    for name, title in (
        ("test.macro_f1", "macro-F1"),
        ("test.accuracy", "accuracy"),
        ("test_ten_views.accuracy", "accuracy, ten views"),
    ):
        low, high = (table[f"{name}.{end}"].map("{:.3f}".format) for end in ("low", "high"))
        lines |= {title: table[name].map("{:.3f}".format), "  95 % interval of " + title: low + "-" + high}
    lines |= {"parameters": table["params"].map("{:,}".format), "epochs": table["epochs"].map(str)}
    lines |= {"ms per face": table["latency_ms"].map("{:.1f}".format).replace("nan", "-")}
    view = pd.DataFrame(lines).T.set_axis(table["title"].tolist(), axis=1)
    return view.rename_axis("test split").reset_index()


def restricted_table(folders: list[ModelFolder], kept: tuple[str, ...]) -> pd.DataFrame:
    """Test F1 per class of models of more classes restricted to ``kept``, a row an architecture, with ten views too."""
    rows = []
    for folder in folders:
        row = {"architecture": folder.run["title"], "weights": folder.run["weights"]}
        for split, views in (("test", "one view"), ("test_ten_views", "ten views")):
            scores = evaluate(*restrict(*folder.scored(split), folder.classes, kept), kept)
            figures = {name: f"{scores[f'f1.{name}']:.3f}" for name in kept}
            rows.append(row | {"answers to": views} | figures | {"accuracy": f"{scores['accuracy']:.3f}"})
    return pd.DataFrame(rows)


def heading(dataset: FaceDataset) -> str:
    """What stands above every table: the data set's name, fingerprint and number of test images."""
    return f"{dataset.name} ({dataset.fingerprint}), {len(dataset.rows('test'))} test images"


def markdown(table: pd.DataFrame) -> str:
    """A table of texts as Markdown."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
