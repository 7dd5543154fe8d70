"""Stage 9: the champion as a Bento."""

import json
import os
from pathlib import Path

from prefect import flow

from fer.delivery.bento import build_bento
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
