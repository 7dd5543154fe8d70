"""The packaged champion: its tag, and whether the BentoML store still has it."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from fer.delivery.bento import damage
from fer.errors import UserError
from fer.schema import read_as
from pipelines import paths


class Packaged(BaseModel):
    """``reports/bento.json``: the Bento's name and version."""

    tag: Annotated[str, Field(pattern=r"^[a-z0-9_-]+:[0-9a-f]+-[0-9a-f]+$")]


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
