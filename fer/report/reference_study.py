"""The reference study that this project re-runs, and how models trained here compare with it.

It is a data scientist's slides that compared five networks on five classes of FER-2013. They print F1 per class of
four of them.
"""

from dataclasses import dataclass

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.emotions import FIVE_EMOTIONS
from fer.evaluation.intervals import f1_intervals
from fer.evaluation.metrics import evaluate, restrict
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.scores import confusion
from fer.report.tables import UNKNOWN, number
from fer.sections import Compare

#: F1 per class, in the order of ``FIVE_EMOTIONS``, as the study prints it.
STUDY = {
    "VGGFace": (0.67, 0.56, 0.92, 0.67, 0.83),
    "MobileNetV2": (0.57, 0.40, 0.89, 0.62, 0.77),
    "VGG16": (0.54, 0.51, 0.87, 0.61, 0.78),
    "ResNet-50": (0.52, 0.47, 0.82, 0.56, 0.77),
}
HIGHEST = "the highest in every class"
#: The study's figures have two decimals.
ROUNDING = 0.005
#: Images of PrivateTest, FER-2013's test split, by class, in the order of ``FIVE_EMOTIONS`` (Goodfellow et al. 2013).
PRIVATE_TEST = (491, 528, 879, 594, 416)


@dataclass(frozen=True)
class Pair:
    """The study's F1 per class and ours, both in the order of ``FIVE_EMOTIONS``.

    Attributes:
        title: the study's architecture, or ``HIGHEST``.
        theirs: the study's F1.
        model: our model.
        ours: its F1, from one view of each face.
        ends: the 95 % bootstrap intervals of ours.
    """

    title: str
    theirs: tuple[float, ...]
    model: ModelFolder
    ours: list[float]
    ends: list[tuple[float, float]]

    @property
    def higher(self) -> int:
        """In how many classes ours is higher than the study's figure can be, however it was rounded."""
        return sum(mine > theirs + ROUNDING for mine, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def clearly_higher(self) -> int:
        """In how many classes the study's figure, however it was rounded, lies below our interval."""
        return sum(low > theirs + ROUNDING for (low, _), theirs in zip(self.ends, self.theirs, strict=True))

    @property
    def clearly_lower(self) -> int:
        """In how many classes the study's figure, however it was rounded, lies above our interval."""
        return sum(high < theirs - ROUNDING for (_, high), theirs in zip(self.ends, self.theirs, strict=True))


def is_private_test(dataset: FaceDataset) -> bool:
    """Whether the test split is FER-2013's own, by its numbers of images in the study's classes."""
    counts = dataset.counts().loc["test"]
    return tuple(counts.get(name, 0) for name in FIVE_EMOTIONS) == PRIVATE_TEST


def pairs_with_study(folders: list[ModelFolder], settings: Compare) -> list[Pair]:
    """The architectures that both have, then the first model with the study's highest figure of every class.

    Args:
        folders: models whose classes hold ``FIVE_EMOTIONS``, best first.
        settings: of the bootstrap.
    """
    trained = {folder.run.title: folder for folder in folders}
    same = [_pair(title, theirs, trained[title], settings) for title, theirs in STUDY.items() if title in trained]
    return [*same, _pair(HIGHEST, tuple(map(max, zip(*STUDY.values(), strict=True))), folders[0], settings)]


def _pair(title: str, theirs: tuple[float, ...], model: ModelFolder, settings: Compare) -> Pair:
    labels, probabilities = restrict(*model.scored(Split.TEST), model.classes, FIVE_EMOTIONS)
    scores = evaluate(labels, probabilities, FIVE_EMOTIONS)
    matrix = confusion(labels, probabilities.argmax(axis=1), len(FIVE_EMOTIONS))
    ends = f1_intervals(matrix, settings.bootstrap, settings.seed)
    return Pair(title, theirs, model, [scores[f"f1.{name}"] for name in FIVE_EMOTIONS], ends)


def study_table(pairs: list[Pair]) -> pd.DataFrame:
    """A row a pair, as texts; the study's figures alone where no record of its architecture is kept."""
    found = {pair.title: pair for pair in pairs}
    return pd.DataFrame([_line(title, found.get(title)) for title in (*STUDY, HIGHEST)])


def _line(title: str, pair: Pair | None) -> dict[str, str]:
    if pair is None:
        cells = [number(theirs, ".2f") for theirs in STUDY[title]]
        here, counts = UNKNOWN, [UNKNOWN] * 3
    else:
        both = zip(pair.theirs, pair.ours, strict=True)
        cells = [f"{number(theirs, '.2f')} → {number(mine)}" for theirs, mine in both]
        here = f"{pair.model.run.title} ({pair.model.run.weights})"
        counts = [f"{pair.higher} of {len(cells)}", str(pair.clearly_higher), str(pair.clearly_lower)]
    row = {"reference study": title, "here": here} | dict(zip(FIVE_EMOTIONS, cells, strict=True))
    return row | dict(zip(("higher", "clearly higher", "clearly lower"), counts, strict=True))
