"""The comparison as pictures and at the terminal."""

from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.figures.training import comparison, sample_predictions
from fer.report.tables import heading

#: Characters of a printed line where the output is no terminal.
WIDTH = 180


def draw_comparison(
    table: pd.DataFrame, folders: list[ModelFolder], dataset: FaceDataset, faces: int, figure: Path, samples: Path
) -> None:
    """Draw the comparison's table, and the same test faces with every model's prediction.

    Args:
        table: of ``comparison_table``, with ``latency_ms``.
        folders: the models, in the order of the samples' lines.
        dataset: what they were trained on.
        faces: how many are shown.
        figure: the PNG of the table.
        samples: the PNG of the faces.
    """
    subtitle = "F1 per class on test, best validation macro-F1 first; 95 % bootstrap intervals below; best in bold"
    comparison(table, dataset.classes, heading(dataset), subtitle, figure)
    rows = dataset.examples(faces)
    predicted = {folder.run["title"]: folder.predictions.set_index("row").loc[rows, "predicted"] for folder in folders}
    sample_predictions(
        np.asarray(dataset.images[rows]),
        dataset.table["emotion"].loc[rows].tolist(),
        {title: names.tolist() for title, names in predicted.items()},
        f"The same faces, every model's prediction: {dataset.name}, test",
        samples,
    )


def print_table(table: pd.DataFrame, title: str) -> None:
    """Print a table of texts, the first column on the left and the others on the right."""
    view = Table(title=title, title_justify="left")
    for column in map(str, table.columns):
        view.add_column(column, justify="right" if len(view.columns) else "left")
    for row in table.itertuples(index=False):
        view.add_row(*row)
    Console(width=None if Console().is_terminal else WIDTH).print(view)
