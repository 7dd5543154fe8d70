"""Stage 9: the champion as a Bento."""

from prefect import flow

from fer.inference.classifier import Card
from pipelines import paths
from pipelines.flows import task
from pipelines.packaged import pack
from pipelines.reporting import say


@flow(flow_run_name="package")
def package() -> None:
    """Build the Bento of the champion; offline, and the same tag for the same model and code."""
    tag, card = build(), Card.load(paths.CHAMPION)
    say(f"package: {tag} serves {card.architecture} trained on {card.dataset}")


@task
def build() -> str:
    """The Bento's tag."""
    return pack().tag
