"""Stage 9: the champion as a Bento."""

import json
import os
from pathlib import Path

from prefect import flow

from fer.delivery.bento import build_bento
from fer.errors import UserError
from fer.files import write_text
from fer.inference.classifier import Card
from pipelines import paths
from pipelines.flows import task
from pipelines.reporting import say


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
        UserError: where no champion has been packaged yet.
    """
    try:
        return str(json.loads(paths.BENTO.read_text())["tag"])
    except OSError as error:
        raise UserError(f"{paths.BENTO}: no champion has been packaged yet; run make run first") from error


def is_stored(tag: str) -> bool:
    """Whether the BentoML store has the Bento ``tag``; the store is no DVC output, and a fresh clone has none."""
    return (Path(os.environ["BENTOML_HOME"]) / "bentos" / tag.replace(":", "/")).is_dir()
