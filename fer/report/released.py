"""The models in the package, each beside the trainings on record: figures of the int8 files, as they are served."""

from collections.abc import Mapping

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, Split
from fer.inference.classifier import CARD_FILE, PACKAGE, RELEASED, Card, packaged_models
from fer.report.ablations import COPIES_KEPT, Ablation
from fer.report.seeds import title_of
from fer.report.tables import UNKNOWN, number

#: Columns of the table, and the metrics that they show.
SHOWN = {
    "accuracy": f"{Split.TEST}.accuracy",
    "ten views": f"{Split.TEST_TEN_VIEWS}.accuracy",
    "without copied images": f"{Split.TEST_WITHOUT_COPIES}.accuracy",
    "without copied images, ten views": f"{Split.TEST_WITHOUT_COPIES_TEN_VIEWS}.accuracy",
    "macro-F1": f"{Split.TEST}.macro_f1",
    "calibration error": f"{Split.TEST}.ece",
}


def released_on(dataset: FaceDataset) -> dict[str, Card]:
    """The cards of the models in the package that were trained on this data set, by the names that readers know."""
    names = {"released" if name == RELEASED.name else name: name for name in packaged_models()}
    cards = {name: Card.read(PACKAGE / folder / CARD_FILE, "restore it from Git") for name, folder in names.items()}
    return {name: card for name, card in cards.items() if card.fingerprint == dataset.fingerprint}


def trainings_of(
    models: list[ModelFolder], seeds: list[list[ModelFolder]], ablations: list[list[Ablation]]
) -> dict[str, ModelFolder]:
    """The trainings of a page by what its tables call them, those with copies of evaluation images in train aside."""
    found = {folder.run.title: folder for folder in models}
    found |= {f"{title_of(group)} (seed {folder.job.seed})": folder for group in seeds for folder in group}
    changed = (ablation for group in ablations for ablation in group if ablation.change != COPIES_KEPT)
    return found | {ablation.label: ablation.folder for ablation in changed}


def released_table(cards: Mapping[str, Card], trainings: Mapping[str, ModelFolder]) -> pd.DataFrame:
    """A row a model of the package, as texts.

    Args:
        cards: of the models, by name.
        trainings: of ``trainings_of``: which of them a model comes from, and how many of the same architecture, all
            from random weights, have a higher validation macro-F1.
    """
    rows = []
    for name, card in cards.items():
        own = {title: folder for title, folder in trainings.items() if folder.run.model_sha256 == card.network_sha256}
        title, folder = next(iter(own.items()), (UNKNOWN, None))
        others = [
            other.metrics[SCORE]
            for other in trainings.values()
            if other.job.architecture == card.architecture and other.run.weights == "random"
        ]
        better = sum(score > folder.metrics[SCORE] for score in others) if folder else 0
        row = {"model": f"`{name}`", "training": title}
        row |= {column: number(card.metrics[metric]) for column, metric in SHOWN.items()}
        rows.append(row | {"higher by validation macro-F1": f"{better} of {len(others)}" if folder else UNKNOWN})
    return pd.DataFrame(rows)
