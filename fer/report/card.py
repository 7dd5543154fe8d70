"""A released model's card for people (Mitchell et al. 2019), from ``templates/card.md.jinja``."""

import json
from collections.abc import Mapping

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.abstention import Acceptance
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.inference.classifier import Card
from fer.report.published import SPLITS
from fer.report.reference_study import is_private_test
from fer.report.tables import markdown, metric, number, share
from fer.report.template import render

SHOWN = (
    (Split.TEST, "test, one view"),
    (Split.TEST_TEN_VIEWS, "test, ten views"),
    (Split.TEST_WITHOUT_COPIES, "test without copies of train images, one view"),
    (Split.TEST_WITHOUT_COPIES_TEN_VIEWS, "test without copies of train images, ten views"),
    (Split.VALIDATION, "validation, one view"),
)


def card_page(
    card: Card,
    folder: ModelFolder,
    dataset: FaceDataset,
    size: int,
    metrics: Mapping[str, float],
    certainty: Acceptance,
    precision: float,
    rounding: Mapping[str, float],
    published: ModelFolder | None,
) -> str:
    """The card as Markdown: what the model is, what it is for, how good it is, where it fails.

    Args:
        card: of the released model, which is in int8.
        folder: the training that it comes from.
        dataset: what it was trained on.
        size: bytes of the released model.
        metrics: of the released model, with the ends of the intervals.
        certainty: what its thresholds accept of its test predictions.
        precision: share of correct predictions that they were chosen for, 0 to 1.
        rounding: ``lost``, ``mean``, ``largest`` and ``temperature`` of ``fer.delivery.quantization.Quantized``.
        published: the same training with the copies of evaluation images left in train, where there was one.
    """
    values = {
        "card": card,
        "run": folder.run,
        "commit": folder.commit[:12],
        "recipe": json.dumps(folder.run.recipe.model_dump()),
        "images": len(dataset.rows("train")),
        "fer2013": is_private_test(dataset),
        "size": size,
        "metrics": metrics,
        "rounding": rounding,
        "before": folder.metrics,
        "published": _beside(metrics, published) if published else "",
        "two_commits": published is not None and published.commit != folder.commit,
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


def _beside(metrics: Mapping[str, float], published: ModelFolder) -> str:
    """Test accuracy of this model, and of its training with the copies left in train, as a table."""
    other = f"with copies in train (float32, commit `{published.commit[:12]}`)"
    both = {"without copies in train (this model, int8)": metrics, other: published.metrics}
    rows = [
        {"train split": name} | {title: number(figures[f"{split}.accuracy"]) for split, title in SPLITS.items()}
        for name, figures in both.items()
    ]
    return markdown(pd.DataFrame(rows))


def _figures(metrics: Mapping[str, float], classes: tuple[str, ...]) -> pd.DataFrame:
    """A row a split, as texts."""
    rows = []
    for split, title in SHOWN:
        row = {"predictions": title, "accuracy": metric(metrics, f"{split}.accuracy")}
        row |= {"macro-F1": metric(metrics, f"{split}.macro_f1")}
        row |= {name: number(metrics[f"{split}.f1.{name}"]) for name in classes}
        rows.append(row | {"calibration error": number(metrics[f"{split}.ece"])})
    return pd.DataFrame(rows)
