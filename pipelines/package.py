"""Stage 9: the champion as a Bento."""

import json
import os
import re
from pathlib import Path

from prefect import flow

from fer.delivery.bento import build_bento, is_intact
from fer.errors import UserError
from fer.files import read_json, write_text
from fer.inference.classifier import Card
from pipelines import paths
from pipelines.flows import task
from pipelines.reporting import say

#: A Bento's name and version.
TAG = r"[a-z0-9_-]+:[0-9a-f]+-[0-9a-f]+"


@flow
def package() -> None:
    """Build the Bento of the champion; offline, and the same tag for the same model and code."""
    tag = build(paths.CHAMPION, Path(os.environ["BENTOML_HOME"]))
    card = Card.load(paths.CHAMPION)
    about = {"tag": tag, "architecture": card.architecture, "dataset": card.dataset, "model_sha256": card.model_sha256}
    write_text(paths.BENTO, json.dumps(about, indent=2) + "\n")
    say(f"package: {tag} serves {card.architecture} trained on {card.dataset}")


@task
def build(champion: Path, home: Path) -> str:
    """The Bento's tag."""
    return build_bento(champion, Path(), home)


def packaged_tag() -> str:
    """The tag of the packaged champion.

    Raises:
        UserError: where no champion has been packaged yet, or its file is damaged.
    """
    if not paths.BENTO.is_file():
        raise UserError(f"{paths.BENTO}: no champion has been packaged yet; run make run first")
    remedy = "run make run, which packs the champion again"
    tag = read_json(paths.BENTO, remedy).get("tag")
    if not isinstance(tag, str) or not re.fullmatch(TAG, tag):
        raise UserError(f"{paths.BENTO}: names no Bento; {remedy}")
    return tag


def is_stored(tag: str) -> bool:
    """Whether the BentoML store has the Bento ``tag`` and its model, undamaged.

    The store is no DVC output: a fresh clone has none.
    """
    return is_intact(Path(os.environ["BENTOML_HOME"]), tag)
