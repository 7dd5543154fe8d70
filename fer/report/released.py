"""The models in the package, each beside the trainings on record: figures of the int8 files, as they are served."""

from collections.abc import Mapping

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import validation_gain
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, Split
from fer.inference.classifier import PACKAGE, RELEASED, Card, packaged_models
from fer.report.ablations import COPIES_KEPT, Ablation
from fer.report.seeds import title_of
from fer.report.tables import UNKNOWN, number
from fer.sections import Compare

#: Bytes of the largest model of each name.
LARGEST = {RELEASED.name: 9_000_000, "mini": 1_000_000}
#: Columns of the table, and the metrics that they show.
SHOWN = {
    "accuracy": f"{Split.TEST}.accuracy",
    "ten views": f"{Split.TEST_TEN_VIEWS}.accuracy",
    "without copied images": f"{Split.TEST_WITHOUT_COPIES}.accuracy",
    "without copied images, ten views": f"{Split.TEST_WITHOUT_COPIES_TEN_VIEWS}.accuracy",
    "macro-F1": f"{Split.TEST}.macro_f1",
    "calibration error": f"{Split.TEST}.ece",
}
#: The column of other trainings.
HIGHER = "others on record that are higher on validation"


def fits(folder: ModelFolder, name: str) -> bool:
    """Whether a network is ours to give away, and in int8 of the size that a name stands for: none fits two names."""
    smaller = (limit for limit in LARGEST.values() if limit < LARGEST[name])
    # A byte for each weight; what the graph and the scales take is less than 4 % of the limit.
    least, most = 0.96 * max(smaller, default=0), 0.96 * LARGEST[name]
    return folder.run.weights == "random" and least <= folder.metrics["params"] < most


def released_on(dataset: FaceDataset) -> dict[str, Card]:
    """The cards of the models in the package that were trained on this data set, by their names."""
    cards = {name: Card.load(PACKAGE / name) for name in packaged_models()}
    return {name: card for name, card in cards.items() if card.fingerprint == dataset.fingerprint}


def trainings_of(
    models: list[ModelFolder], seeds: list[list[ModelFolder]], ablations: list[list[Ablation]]
) -> dict[str, ModelFolder]:
    """The trainings of a page, each once, by what its tables call them; those with copies in train are left out."""
    found = {folder.run.title: folder for folder in models}
    found |= {f"{title_of(group)} (seed {folder.job.seed})": folder for group in seeds for folder in group}
    changed = (ablation for group in ablations for ablation in group if ablation.change != COPIES_KEPT)
    found |= {ablation.label: ablation.folder for ablation in changed}
    once = {folder.run.model_sha256: title for title, folder in reversed(found.items())}
    return {title: folder for title, folder in found.items() if once[folder.run.model_sha256] == title}


def released_table(cards: Mapping[str, Card], trainings: Mapping[str, ModelFolder], settings: Compare) -> pd.DataFrame:
    """A row a model of the package, as texts.

    Args:
        cards: of the models, by name.
        trainings: of ``trainings_of``: which of them a model comes from, and how many of the others that could have
            been released under its name have a higher validation macro-F1, and of how many chance does not explain it.
        settings: of the bootstrap.
    """
    rows = []
    for name, card in cards.items():
        own = {title: folder for title, folder in trainings.items() if folder.run.model_sha256 == card.network_sha256}
        title, folder = next(iter(own.items()), (UNKNOWN, None))
        others = [other for other in trainings.values() if other is not folder and fits(other, name)]
        row = {"model": f"`{name}`", "training": title}
        row |= {column: number(card.metrics[metric]) for column, metric in SHOWN.items()}
        rows.append(row | {HIGHER: _higher(folder, others, settings) if folder else UNKNOWN})
    return pd.DataFrame(rows)


def _higher(folder: ModelFolder, others: list[ModelFolder], settings: Compare) -> str:
    better = [other for other in others if other.metrics[SCORE] > folder.metrics[SCORE]]
    clearly = sum(validation_gain(other, folder, settings)[1] > 0 for other in better)
    return f"{len(better)} of {len(others)}, clearly {clearly}"
