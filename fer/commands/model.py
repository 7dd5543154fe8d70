"""Which model a command uses."""

from pathlib import Path

import typer

from fer.inference.classifier import RELEASED, Card
from fer.inference.reader import find_model


def choose_model(model: str | None) -> Path:
    """The model that a command uses; which one and why is said on standard error.

    Args:
        model: a folder or ``released``, where the user names one; else the package's own.

    Raises:
        UserError: when there is no such model.
    """
    folder = RELEASED if model is None else find_model(model)
    card = Card.load(folder)
    why = "the package's own" if folder == RELEASED else str(folder)
    typer.echo(f"model: {card.architecture}, trained on {card.dataset} ({why})", err=True)
    return folder
