"""Trained models side by side, for people: the table of test figures, and the comparison's pictures."""

from pathlib import Path

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import sample_of
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, Split
from fer.figures.training import comparison, sample_predictions
from fer.report.tables import heading, number


def models_table(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Validation macro-F1, which ranks; test F1 per class, macro-F1, accuracy; size and latency: a column a model.

    Args:
        table: of ``fer.evaluation.comparison.comparison_table``, with ``latency_ms``: not a number where not measured.
        classes: of the data set.
    """
    lines: dict[str, pd.Series] = {"weights": table["weights"], "macro-F1 on validation": table[SCORE].map(number)}
    lines |= {f"F1 {name}": table[f"{Split.TEST}.f1.{name}"].map(number) for name in classes}
    for name, title in (
        (f"{Split.TEST}.macro_f1", "macro-F1"),
        (f"{Split.TEST}.accuracy", "accuracy"),
        (f"{Split.TEST_TEN_VIEWS}.accuracy", "accuracy, ten views"),
    ):
        low, high = (table[f"{name}.{end}"].map(number) for end in ("low", "high"))
        lines |= {title: table[name].map(number), "  95 % interval of " + title: low + "-" + high}
    lines |= {"parameters": table["params"].map("{:,}".format), "epochs": table["epochs"].map(str)}
    lines |= {"ms per face": table["latency_ms"].map(lambda value: number(value, ".1f"))}
    view = pd.DataFrame(lines).T.set_axis(table["title"].tolist(), axis=1)
    return view.rename_axis("test split").reset_index()


def draw_comparison(
    table: pd.DataFrame, folders: list[ModelFolder], dataset: FaceDataset, faces: int, figure: Path, samples: Path
) -> None:
    """The comparison as a picture, and the same test faces with every model's prediction.

    Args:
        table: the comparison with latency.
        folders: its models.
        dataset: what they were trained on.
        faces: how many faces are shown.
        figure: the comparison's PNG.
        samples: the faces' PNG.
    """
    subtitle = "F1 per class on test, best validation macro-F1 first; 95 % bootstrap intervals below; best in bold"
    comparison(table, dataset.classes, heading(dataset), subtitle, figure)
    title = f"The same faces, every model's prediction: {dataset.name}, test"
    sample_predictions(*sample_of(folders, dataset, faces), title, samples)
