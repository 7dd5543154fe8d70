"""Tables of trained models as texts: without copies, five classes, parts of the test split, rejection."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fer.evaluation.abstention import acceptance_of
from fer.evaluation.metrics import evaluate, restrict
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.slices import slice_accuracy
from fer.report.tables import estimate, metric, number, share
from fer.sections import Compare

#: The two kinds of predictions on test that most tables show.
VIEWS = ((Split.TEST, "one view"), (Split.TEST_TEN_VIEWS, "ten views"))


def without_copies_table(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and macro-F1 on the test images that the source's train split does not hold: a row a model."""
    split = Split.TEST_WITHOUT_COPIES
    return pd.DataFrame(
        [
            {
                "architecture": row["title"],
                "images": number(row[f"{split}.support"], ".0f"),
                "accuracy": metric(row, f"{split}.accuracy"),
                "ten views": metric(row, f"{Split.TEST_WITHOUT_COPIES_TEN_VIEWS}.accuracy"),
                "macro-F1": metric(row, f"{split}.macro_f1"),
            }
            for row in table.to_dict("records")
        ]
    )


def restricted_table(folders: list[ModelFolder], kept: tuple[str, ...]) -> pd.DataFrame:
    """Test F1 per class of models restricted to the classes ``kept``: two rows a model, from one view and from ten."""
    rows = []
    for folder in folders:
        for split, views in VIEWS:
            scores = evaluate(*restrict(*folder.scored(split), folder.classes, kept), kept)
            row = {"architecture": folder.run.title, "weights": folder.run.weights, "predictions from": views}
            row |= {name: number(scores[f"f1.{name}"]) for name in kept}
            rows.append(row | {"accuracy": number(scores["accuracy"])})
    return pd.DataFrame(rows)


def ensemble_table(metrics: Mapping[str, float], classes: tuple[str, ...]) -> pd.DataFrame:
    """An ensemble's test figures: a row for one view, and one for ten.

    Args:
        metrics: ``<split>.<metric>``, with the ends of the accuracies' intervals.
        classes: of the data set.
    """
    rows = []
    alone = (Split.TEST_WITHOUT_COPIES, Split.TEST_WITHOUT_COPIES_TEN_VIEWS)
    for (split, views), without in zip(VIEWS, alone, strict=True):
        row = {"predictions from": views, "accuracy": metric(metrics, f"{split}.accuracy")}
        row |= {"without copied images": metric(metrics, f"{without}.accuracy")}
        row |= {"macro-F1": number(metrics[f"{split}.macro_f1"])}
        row |= {f"F1 {name}": number(metrics[f"{split}.f1.{name}"]) for name in classes}
        rows.append(row | {"calibration error": number(metrics[f"{split}.ece"])})
    return pd.DataFrame(rows)


def slice_table(folders: list[ModelFolder], parts: Mapping[str, np.ndarray], settings: Compare) -> pd.DataFrame:
    """Accuracy of the ten-view predictions on parts of the test split: a row a part, a column a model.

    Args:
        folders: the models.
        parts: of ``fer.evaluation.slices.slices_of``.
        settings: of the bootstrap.
    """
    lines = []
    for name, members in parts.items():
        line = {"part of the test split": name, "images": number(members.sum(), ",d")}
        for folder in folders:
            line[folder.run.title] = estimate(slice_accuracy(folder, members, settings))
        lines.append(line)
    return pd.DataFrame(lines)


def abstention_table(folders: list[ModelFolder], precision: float) -> pd.DataFrame:
    """How many test predictions the thresholds accept, and how many of those are correct: all, by band, by class.

    Args:
        folders: the models, a row each.
        precision: share of correct predictions that the thresholds are chosen for, 0 to 1.
    """
    lines = []
    for folder in folders:
        found = acceptance_of(folder.predictions, folder.classes, precision)
        line = {
            "architecture": folder.run.title,
            "accuracy of all": share(found.correct),
            "accepted": share(found.accepted),
            "accuracy of the accepted": share(found.correct[found.accepted]),
        }
        in_bands = [f"{name}: {share(correct)} of {len(correct)}" for name, correct in found.bands().items()]
        line["by probability"] = ", ".join(in_bands) or "-"
        for code, (name, threshold) in enumerate(found.thresholds.items()):
            of_class = found.correct[found.accepted & (found.predicted == code)]
            line[name] = f"above {threshold:.2f}: {share(of_class)} of {len(of_class)}" if threshold < 1 else "never"
        lines.append(line)
    return pd.DataFrame(lines)
