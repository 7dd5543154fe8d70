"""The packaged champion: made, its tag, and whether the BentoML store still has it."""

import json
import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from fer.delivery.bento import build_bento, damage
from fer.errors import UserError
from fer.files import write_text
from fer.inference.classifier import Card
from fer.schema import read_as
from pipelines import paths


class Packaged(BaseModel):
    """``reports/bento.json``: the Bento's name and version."""

    tag: Annotated[str, Field(pattern=r"^[a-z0-9_-]+:[0-9a-f]+-[0-9a-f]+$")]


def pack() -> Packaged:
    """Build the champion's Bento, offline, and note it in ``reports/bento.json``; the same tag for the same model."""
    tag = build_bento(paths.CHAMPION, Path(), Path(os.environ["BENTOML_HOME"]))
    card = Card.load(paths.CHAMPION)
    about = {"tag": tag, "architecture": card.architecture, "dataset": card.dataset, "model_sha256": card.model_sha256}
    write_text(paths.BENTO, json.dumps(about, indent=2) + "\n")
    return Packaged(tag=tag)


def packaged_tag() -> str:
    """The tag of the packaged champion.

    Raises:
        UserError: where no champion has been packaged yet, or its file is damaged.
    """
    if not paths.BENTO.is_file():
        raise UserError(f"{paths.BENTO}: no champion has been packaged yet; run make run first")
    return read_as(Packaged, paths.BENTO, "run make run, which packs the champion again").tag


def is_stored(tag: str) -> bool:
    """Whether the BentoML store has the Bento ``tag`` and its model, undamaged; a line says what is wrong.

    The store is no DVC output: a fresh clone has none.
    """
    if found := damage(Path(os.environ["BENTOML_HOME"]), tag):
        print(f"package: {found}; it is packed again", flush=True)
    return not found


def is_written(card: Card) -> bool:
    """Whether ``champion/`` holds the model that a card describes, undamaged."""
    try:
        return Card.load(paths.CHAMPION).network_sha256 == card.model_sha256
    except UserError:
        return False
