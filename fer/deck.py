"""The deck that this project grew out of: its figures on FER-2013, and how models trained here stand to them."""

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.emotions import FIVE_EMOTIONS
from fer.evaluation import evaluate, restrict
from fer.outputs import ModelFolder

#: The data set of these figures, as ingestion names it.
DATASET = "FER-2013"
#: F1 per class, in the order of ``FIVE_EMOTIONS``, as the deck prints it.
DECK = {
    "VGGFace": (0.67, 0.56, 0.92, 0.67, 0.83),
    "MobileNetV2": (0.57, 0.40, 0.89, 0.62, 0.77),
    "VGG16": (0.54, 0.51, 0.87, 0.61, 0.78),
    "ResNet-50": (0.52, 0.47, 0.82, 0.56, 0.77),
}


def of_deck(dataset: FaceDataset) -> bool:
    """Whether the deck's figures are of this data set and its classes."""
    return dataset.name == DATASET and set(FIVE_EMOTIONS) <= set(dataset.classes)


def beside_deck(folders: list[ModelFolder]) -> pd.DataFrame:
    """The deck's F1 beside that of the same architecture here, and its best per class beside our best model.

    Args:
        folders: models whose classes hold ``FIVE_EMOTIONS``, best first; they are restricted to these, one view a face.

    Returns:
        Texts, a row a pair: ``in the deck`` and ``here``, titles; ``above the deck in``, the number of classes in which
        ours is higher; and by class "the deck's → ours". An architecture that was not trained here is "-".
    """
    trained = {folder.run["title"]: folder for folder in folders}
    pairs = [(title, figures, trained.get(title)) for title, figures in DECK.items()]
    best = tuple(max(figures) for figures in zip(*DECK.values(), strict=True))
    return pd.DataFrame([_pair(*pair) for pair in [*pairs, ("the best of each class", best, folders[0])]])


def _pair(title: str, deck: tuple[float, ...], folder: ModelFolder | None) -> dict[str, str]:
    cells, ours, above = [f"{figure:.2f}" for figure in deck], "-", "-"
    if folder:
        scores = evaluate(*restrict(*folder.scored("test"), folder.classes, FIVE_EMOTIONS), FIVE_EMOTIONS)
        f1 = [scores[f"f1.{name}"] for name in FIVE_EMOTIONS]
        cells = [f"{theirs} → {mine:.3f}" for theirs, mine in zip(cells, f1, strict=True)]
        ours = folder.run["title"]
        above = f"{sum(mine > theirs for mine, theirs in zip(f1, deck, strict=True))} of {len(deck)}"
    row = {"in the deck": title, "here": ours} | dict(zip(FIVE_EMOTIONS, cells, strict=True))
    return row | {"above the deck in": above}
