"""Tables behind the plots that compare two runs of the pipeline: confusion matrices and learning curves."""

from pathlib import Path

import pandas as pd

from fer.evaluation.model_folder import ModelFolder
from fer.files import replace_folder

#: What is plotted by epoch, for train and validation.
CURVES = ("accuracy", "loss")


def confusion_table(folder: ModelFolder) -> pd.DataFrame:
    """A row per test image: ``actual``, its label, and ``predicted``, from one view; both emotion names."""
    predictions = folder.predictions
    test = predictions[predictions["split"] == "test"]
    return test[["emotion", "predicted"]].rename(columns={"emotion": "actual"}).reset_index(drop=True)


def curve_table(folder: ModelFolder, metric: str) -> pd.DataFrame:
    """One of ``CURVES`` by epoch: ``epoch``, ``train`` (on augmented faces) and ``validation``."""
    history = folder.history
    return pd.DataFrame(
        {"epoch": history["epoch"], "train": history[metric], "validation": history[f"validation.{metric}"]}
    )


def write_plot_tables(folders: list[ModelFolder], confusion: Path, curves: Path) -> None:
    """A CSV per model: ``confusion/<model>.csv``, and ``curves/<metric>/<model>.csv``; models of before go."""
    with replace_folder(confusion) as fresh:
        for folder in folders:
            confusion_table(folder).to_csv(fresh / f"{folder.name}.csv", index=False)
    with replace_folder(curves) as fresh:
        for metric in CURVES:
            (fresh / metric).mkdir()
            for folder in folders:
                curve_table(folder, metric).to_csv(fresh / metric / f"{folder.name}.csv", index=False)
