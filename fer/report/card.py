"""The released model's card for people (Mitchell et al. 2019), from ``templates/card.md.jinja``."""

import json
from collections.abc import Mapping

import pandas as pd

from fer.evaluation.abstention import Acceptance
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.inference.classifier import Card
from fer.report.tables import markdown, metric, number, share
from fer.report.template import render

SHOWN = (
    (Split.TEST, "test, one view"),
    (Split.TEST_TEN_VIEWS, "test, ten views"),
    (Split.TEST_WITHOUT_COPIES, "test without copies of train images, one view"),
    (Split.VALIDATION, "validation, one view"),
)


def card_page(
    card: Card,
    folder: ModelFolder,
    size: int,
    metrics: Mapping[str, float],
    certainty: Acceptance,
    precision: float,
) -> str:
    """The card as Markdown: what the model is, what it is for, how good it is, where it fails.

    Args:
        card: of the released model.
        folder: the training that it comes from.
        size: bytes of the released model.
        metrics: of the released model, with the ends of the intervals.
        certainty: what its thresholds accept of its test predictions.
        precision: share of correct predictions that they were chosen for, 0 to 1.
    """
    accuracy = f"{Split.VALIDATION}.accuracy"
    values = {
        "card": card,
        "run": folder.run,
        "commit": folder.commit[:12],
        "recipe": json.dumps(folder.run.recipe.model_dump()),
        "size": size,
        "metrics": metrics,
        "change": 100 * (metrics[accuracy] - folder.metrics[accuracy]),
        "figures": markdown(_figures(metrics, card.classes)),
        "thresholds": ", ".join(
            f"{name} {number(value, '.2f') if value < 1 else 'never'}" for name, value in card.thresholds.items()
        ),
        "precision": precision,
        "accepted": share(certainty.accepted),
        "right": share(certainty.correct[certainty.accepted]),
        "bands": ", ".join(f"{share(correct)} from {name}" for name, correct in certainty.bands().items()),
    }
    return render("card.md.jinja", {}, values)


def _figures(metrics: Mapping[str, float], classes: tuple[str, ...]) -> pd.DataFrame:
    """A row a split, as texts."""
    rows = []
    for split, title in SHOWN:
        row = {"predictions": title, "accuracy": metric(metrics, f"{split}.accuracy")}
        row |= {"macro-F1": metric(metrics, f"{split}.macro_f1")}
        row |= {name: number(metrics[f"{split}.f1.{name}"]) for name in classes}
        rows.append(row | {"calibration error": number(metrics[f"{split}.ece"])})
    return pd.DataFrame(rows)
