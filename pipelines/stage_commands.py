"""The stages of dvc.yaml as commands of ``python -m pipelines``."""

from typing import Annotated

import typer

from fer.errors import UserError
from pipelines import environment

stages = typer.Typer()


@stages.command()
def ingest() -> None:
    """Read the source into data/dataset."""
    from pipelines.flows import run
    from pipelines.ingest import ingest

    run(ingest)


@stages.command()
def validate() -> None:
    """Check labels and images against the suites of fer/expectations/."""
    from pipelines.flows import run
    from pipelines.validate import validate

    run(validate)


@stages.command()
def explore() -> None:
    """Draw what the data looks like."""
    from pipelines.explore import explore
    from pipelines.flows import run

    run(explore)


@stages.command()
def recipes() -> None:
    """Write the settings of every training, one file per architecture."""
    from pipelines.flows import run
    from pipelines.recipes import recipes

    run(recipes)


@stages.command()
def train(architecture: str) -> None:
    """Train ARCHITECTURE."""
    environment.check_backend()
    with environment.quiet_start():
        from pipelines.flows import run
        from pipelines.train import train

    run(train, architecture=architecture)


@stages.command()
def ensemble() -> None:
    """Average the architectures' predictions, weighted on validation."""
    from pipelines.ensemble import ensemble
    from pipelines.flows import run

    run(ensemble)


@stages.command()
def distill(student: str) -> None:
    """Train STUDENT again on the ensemble's predictions."""
    environment.check_backend()
    with environment.quiet_start():
        from pipelines.distill import distill
        from pipelines.flows import run

    run(distill, student=student)


@stages.command()
def compare() -> None:
    """Compare the trained architectures in tables and figures."""
    from pipelines.compare import compare
    from pipelines.flows import run

    run(compare)


@stages.command()
def promote(
    accept: Annotated[bool, typer.Option("--accept", help="Make the challenger champion, by your word.")] = False,
    version: Annotated[str | None, typer.Option(help="With --accept: this version, not the challenger.")] = None,
) -> None:
    """Register the best model that passes every gate as champion."""
    if accept:
        from pipelines.rollback import accept as take

        return take(version)
    if version:
        raise UserError("promote: --version goes with --accept")
    from pipelines.flows import run
    from pipelines.promote import promote

    return run(promote)


@stages.command()
def package() -> None:
    """Build the champion's Bento."""
    from pipelines.flows import run
    from pipelines.package import package

    run(package)
