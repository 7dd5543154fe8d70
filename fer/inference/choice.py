"""Which model is used where nobody named one."""

from dataclasses import dataclass
from pathlib import Path

from fer.inference.classifier import CARD_FILE, PACKAGE, RELEASED, Card, find_model

#: What the pipeline's promote stage writes, in the folder that it runs in.
CHAMPION = Path("champion")


@dataclass(frozen=True)
class Choice:
    """The model that is used.

    Attributes:
        folder: holds it.
        card: says what it is.
        name: of a model in the package, or its folder's, which ends in a slash.
        why: it is not the one that might be expected; "" where it is.
    """

    folder: Path
    card: Card
    name: str
    why: str = ""

    def __str__(self) -> str:
        what = f"{self.name} ({self.card.architecture}, trained on {self.card.dataset})"
        return f"{what}; {self.why}" if self.why else what


def choose_model(model: str | Path | None = None, champion: Path = CHAMPION) -> Choice:
    """The named model; else the champion where it knows real faces, else the model in the package.

    Args:
        model: a folder with ``model.onnx`` and ``card.json``, or a model of the package; None where nobody named one.
        champion: the folder of the pipeline's champion.

    Raises:
        UserError: when the model is not there, or is none.
    """
    if model is not None:
        folder = find_model(model)
        name = str(model) if folder.parent == PACKAGE else f"{folder}/"
        return Choice(folder, Card.load(folder), name)
    if (champion / CARD_FILE).is_file():
        card = Card.load(champion)
        if card.drawn is False:
            return Choice(champion, card, f"{champion}/", "the champion of this project")
        what = "knows drawn faces alone" if card.drawn else "does not say whether its faces were drawn"
        return Choice(RELEASED, Card.load(RELEASED), "released", f"{champion}/ {what}")
    return Choice(RELEASED, Card.load(RELEASED), "released")
