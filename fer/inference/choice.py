"""Which model is used where nobody named one."""

from dataclasses import dataclass
from pathlib import Path

from fer.inference.classifier import CARD_FILE, RELEASED, Card, find_model

#: What the pipeline's promote stage writes, in the folder that it runs in.
CHAMPION = Path("champion")


@dataclass(frozen=True)
class Choice:
    """A model's folder, its card, and its name: in the package or its folder's, and why it is this one."""

    folder: Path
    card: Card
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.card.architecture}, trained on {self.card.dataset})"


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
        return Choice(folder, Card.load(folder), str(model))
    if (champion / CARD_FILE).is_file():
        card = Card.load(champion)
        if card.drawn is False:
            return Choice(champion, card, f"{champion}/, the champion here")
        what = "knows drawn faces alone" if card.drawn else "does not say whether its faces were drawn"
        return Choice(RELEASED, Card.load(RELEASED), f"released, as {champion}/ {what}")
    return Choice(RELEASED, Card.load(RELEASED), "released")
