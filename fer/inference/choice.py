"""Which model is used where nobody named one."""

from dataclasses import dataclass
from pathlib import Path

from fer.errors import UserError
from fer.inference.classifier import CARD_FILE, MODEL_FILE, RELEASED, Card

#: Names of the model in the package, from any folder.
RELEASED_NAMES = ("released", "fer/released")
#: What the pipeline's promote stage writes, in the folder that it runs in.
CHAMPION = Path("champion")


@dataclass(frozen=True)
class Choice:
    """A model's folder, its card, and why it is this one."""

    folder: Path
    card: Card
    why: str

    def __str__(self) -> str:
        return f"{self.card.architecture}, trained on {self.card.dataset}: {self.why}"


def choose_model(model: str | Path | None = None, champion: Path = CHAMPION) -> Choice:
    """The named model; else the champion where it knows real faces, else the model in the package.

    Args:
        model: a folder with ``model.onnx`` and ``card.json``, or ``released``; None where the user names none.
        champion: the folder of the pipeline's champion.

    Raises:
        UserError: when the model is not there, or is none.
    """
    if model is not None:
        folder = find_model(model)
        return Choice(folder, Card.load(folder), "the package's own" if folder == RELEASED else str(folder))
    if (champion / CARD_FILE).is_file():
        card = Card.load(champion)
        if card.drawn is False:
            return Choice(champion, card, f"{champion}/, the champion here")
        what = "knows drawn faces alone" if card.drawn else "does not say whether its faces were drawn"
        return Choice(RELEASED, Card.load(RELEASED), f"the package's own, as {champion}/ {what}")
    return Choice(RELEASED, Card.load(RELEASED), "the package's own")


def find_model(model: str | Path) -> Path:
    """The folder of a model: a folder of that path, or the package's own for the name ``released``.

    Raises:
        UserError: when there is no such folder, or it holds no model.
    """
    folder = Path(model)
    if str(model) in RELEASED_NAMES and not (folder / MODEL_FILE).is_file():
        return RELEASED
    remedy = f"give a folder with {MODEL_FILE} and {CARD_FILE}, or 'released' for the model of the package"
    if not folder.is_dir():
        raise UserError(f"{folder}: {'is a file' if folder.is_file() else 'no such folder'}; {remedy}")
    if not (folder / MODEL_FILE).is_file():
        raise UserError(f"{folder}: holds no {MODEL_FILE}; {remedy}")
    return folder
