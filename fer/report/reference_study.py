"""The deck that this project grew out of: its figures on FER-2013, and how models trained here stand to them."""

from dataclasses import dataclass

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.emotions import FIVE_EMOTIONS
from fer.evaluation.intervals import f1_intervals
from fer.evaluation.metrics import evaluate, restrict
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.scores import confusion
from fer.params import Compare

#: F1 per class, in the order of ``FIVE_EMOTIONS``, as the deck prints it.
DECK = {
    "VGGFace": (0.67, 0.56, 0.92, 0.67, 0.83),
    "MobileNetV2": (0.57, 0.40, 0.89, 0.62, 0.77),
    "VGG16": (0.54, 0.51, 0.87, 0.61, 0.78),
    "ResNet-50": (0.52, 0.47, 0.82, 0.56, 0.77),
}
HIGHEST = "the highest in every class"
#: The deck's figures have two decimals.
ROUNDING = 0.005
#: Images of PrivateTest, FER-2013's test split, by class, in the order of ``FIVE_EMOTIONS`` (Goodfellow et al. 2013).
PRIVATE_TEST = (491, 528, 879, 594, 416)


@dataclass(frozen=True)
class Pair:
    """The deck's F1 per class beside ours, both in the order of ``FIVE_EMOTIONS``.

    Attributes:
        deck: whose figures of the deck.
        theirs: the deck's.
        here: our model.
        ours: the F1 of its answers to one view of each face.
        ends: their 95 % bootstrap intervals.
    """

    deck: str
    theirs: tuple[float, ...]
    here: ModelFolder
    ours: list[float]
    ends: list[tuple[float, float]]

    @property
    def higher(self) -> int:
        """In how many classes ours is higher, as printed with three decimals."""
        return sum(round(mine, 3) > theirs for mine, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def clearly_higher(self) -> int:
        """In how many classes the deck's figure, however it was rounded, lies below our interval."""
        return sum(low > theirs + ROUNDING for (low, _), theirs in zip(self.ends, self.theirs, strict=True))

    @property
    def clearly_lower(self) -> int:
        """In how many classes the deck's figure, however it was rounded, lies above our interval."""
        return sum(high < theirs - ROUNDING for (_, high), theirs in zip(self.ends, self.theirs, strict=True))


def is_private_test(dataset: FaceDataset) -> bool:
    """Whether the test split is FER-2013's own, by its numbers of images in the deck's classes."""
    counts = dataset.counts().loc["test"]
    return tuple(counts.get(name, 0) for name in FIVE_EMOTIONS) == PRIVATE_TEST


def beside_deck(folders: list[ModelFolder], settings: Compare) -> list[Pair]:
    """Models beside the deck: the architectures that both have, then the first model beside the deck's highest figures.

    Args:
        folders: models whose classes hold ``FIVE_EMOTIONS``, best first.
        settings: of the bootstrap.
    """
    trained = {folder.run["title"]: folder for folder in folders}
    same = [_pair(title, theirs, trained[title], settings) for title, theirs in DECK.items() if title in trained]
    return [*same, _pair(HIGHEST, tuple(map(max, zip(*DECK.values(), strict=True))), folders[0], settings)]


def _pair(deck: str, theirs: tuple[float, ...], folder: ModelFolder, settings: Compare) -> Pair:
    labels, probabilities = restrict(*folder.scored("test"), folder.classes, FIVE_EMOTIONS)
    scores = evaluate(labels, probabilities, FIVE_EMOTIONS)
    matrix = confusion(labels, probabilities.argmax(axis=1), len(FIVE_EMOTIONS))
    ends = f1_intervals(matrix, settings.bootstrap, settings.seed)
    return Pair(deck, theirs, folder, [scores[f"f1.{name}"] for name in FIVE_EMOTIONS], ends)


def deck_lines(pairs: list[Pair]) -> pd.DataFrame:
    """The pairs as texts, a row a pair, and the deck's figures alone where no record of its architecture is kept."""
    found = {pair.deck: pair for pair in pairs}
    return pd.DataFrame([_line(title, found.get(title)) for title in (*DECK, HIGHEST)])


def _line(title: str, pair: Pair | None) -> dict[str, str]:
    if pair is None:
        cells = [f"{theirs:.2f}" for theirs in DECK[title]]
        here, counts = "-", ["-"] * 3
    else:
        cells = [f"{theirs:.2f} → {mine:.3f}" for theirs, mine in zip(pair.theirs, pair.ours, strict=True)]
        here = f"{pair.here.run['title']} ({pair.here.run['weights']})"
        counts = [f"{pair.higher} of {len(cells)}", str(pair.clearly_higher), str(pair.clearly_lower)]
    row = {"in the deck": title, "here": here} | dict(zip(FIVE_EMOTIONS, cells, strict=True))
    return row | dict(zip(("higher", "clearly higher", "clearly lower"), counts, strict=True))
