"""Which model becomes champion."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fer.evaluation.abstention import thresholds_of
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE
from fer.files import replace_folder
from fer.inference.classifier import MODEL_FILE, Card
from fer.params import Promote


@dataclass(frozen=True)
class Decision:
    """What promotion decided.

    Attributes:
        champion: the name of the model to crown, or None where the reigning champion stays or none qualifies.
        reason: one line.
    """

    champion: str | None
    reason: str


def decide(
    table: pd.DataFrame, classes: tuple[str, ...], settings: Promote, reigning: dict[str, str] | None
) -> Decision:
    """Choose by validation macro-F1 among the models that keep the floor on every class and pass ONNX parity.

    A reigning champion on the same data fingerprint gives way only to a better score; one on other data gives way,
    since scores on different data cannot be compared. Test figures play no part.

    Args:
        table: ``fer.evaluation.comparison.comparison_table``.
        classes: the task's emotions.
        settings: floor and parity.
        reigning: the registry's champion (tags ``fingerprint``, ``validation.macro_f1``, ``model_sha256``), or None.
    """
    floor = table[[f"validation.f1.{name}" for name in classes]].min(axis=1) >= settings.min_class_f1
    passed = table[floor & (table["parity"] <= settings.parity)]
    if passed.empty:
        return Decision(None, f"no model keeps F1 >= {settings.min_class_f1} in every class and ONNX parity")
    best = passed.sort_values(SCORE, ascending=False, kind="stable").iloc[0]
    score = f"{best['title']}: validation macro-F1 {best[SCORE]:.4f}"
    if reigning is None:
        return Decision(best["model"], f"{score}, the first champion")
    if reigning["fingerprint"] != best["fingerprint"]:
        return Decision(best["model"], f"{score}; the reigning champion was trained on other data")
    if best[SCORE] > float(reigning[SCORE]):
        return Decision(best["model"], f"{score}, ahead of the reigning {float(reigning[SCORE]):.4f}")
    return Decision(None, f"{score}; the reigning champion stays with {float(reigning[SCORE]):.4f}")


def card_of(folder: ModelFolder, settings: Promote) -> Card:
    """The card that a model carries from the registry to the service."""
    run = folder.run
    return Card(
        architecture=folder.name,
        classes=folder.classes,
        dataset=run.dataset,
        fingerprint=run.fingerprint,
        model_sha256=run.model_sha256,
        metrics=folder.metrics,
        thresholds=thresholds_of(folder.predictions, folder.classes, settings.certain_precision),
    )


def write_champion(folder: Path, model: Path, card: Card) -> None:
    """Put the champion's ONNX file and card into ``folder``, as ``fer.inference.Classifier`` reads them."""
    with replace_folder(folder) as fresh:
        shutil.copyfile(model, fresh / MODEL_FILE)
        card.save(fresh)
