"""``python -m pipelines STAGE``: run one stage of dvc.yaml, the whole DAG (``retrain``), or a tool of the project."""

import errno
import os
import signal
import sys
from typing import Annotated

import typer

from fer.errors import UserError
from pipelines import environment
from pipelines.environment import MOST_WORKERS

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

#: Failures of the machine that a person can mend without reading our code.
MACHINE = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some disk space",
    errno.EFBIG: "raise the limit on a file's size",
    errno.EACCES: "make it writable",
    errno.EROFS: "make it writable",
    errno.EEXIST: "move it out of the way",
    errno.ENOTDIR: "move what is no folder out of the way",
    errno.EISDIR: "move it out of the way",
}
#: How Prefect says that its server cannot be reached or started.
NO_PREFECT = ("Failed to reach API", "ephemeral Prefect API server")


@app.command()
def ingest() -> None:
    """Read the source into data/dataset."""
    from pipelines.ingest import ingest

    ingest()


@app.command()
def validate() -> None:
    """Check labels and images against the suites of expectations/."""
    from pipelines.validate import validate

    validate()


@app.command()
def explore() -> None:
    """Draw what the data looks like."""
    from pipelines.explore import explore

    explore()


@app.command()
def recipes() -> None:
    """Write what params.yaml says of every training, an architecture a file."""
    from pipelines.recipes import recipes

    recipes()


@app.command()
def train(architecture: str) -> None:
    """Train ARCHITECTURE."""
    environment.check_backend()
    with environment.quiet_start():
        from pipelines.train import train

    train(architecture)


@app.command()
def ensemble() -> None:
    """Average the trained architectures, weighted on validation."""
    from pipelines.ensemble import ensemble

    ensemble()


@app.command()
def distill(student: str) -> None:
    """Train STUDENT again on the ensemble's predictions."""
    environment.check_backend()
    with environment.quiet_start():
        from pipelines.distill import distill

    distill(student)


@app.command()
def compare() -> None:
    """Compare the trained architectures."""
    from pipelines.compare import compare

    compare()


@app.command()
def promote() -> None:
    """Crown the best model in the registry."""
    from pipelines.promote import promote

    promote()


@app.command()
def package() -> None:
    """Build the champion's Bento."""
    from pipelines.package import package

    package()


@app.command()
def ablate(name: str) -> None:
    """Train the ablations' architecture with the change NAME of params.yaml."""
    environment.check_backend()
    with environment.quiet_start():
        from pipelines.ablate import ablate

    ablate(name)


@app.command()
def repeat(architecture: str, seed: Annotated[int, typer.Argument(min=0, max=2**32 - 1)]) -> None:
    """Train ARCHITECTURE by SEED, beside the DAG."""
    environment.check_backend()
    with environment.quiet_start():
        from pipelines.repeat import repeat

    repeat(architecture, seed)


@app.command()
def retrain(
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Architectures trained at the same time.")] = 1,
) -> None:
    """Run all that is out of date, from ingestion to the champion's Bento."""
    from pipelines.retrain import retrain
    from pipelines.server import running_server

    with running_server():
        retrain(workers)


@app.command()
def schedule(cron: str) -> None:
    """Serve the retrain flow as a Prefect deployment that runs by CRON, such as "0 3 * * *"."""
    from pipelines.retrain import retrain
    from pipelines.server import running_server

    with running_server():
        retrain.serve(name="scheduled", cron=cron)


@app.command()
def prefect() -> None:
    """Open the Prefect UI on this project's runs."""
    from pipelines.tools import prefect

    prefect()


@app.command()
def mlflow() -> None:
    """Open the MLflow comparison."""
    from pipelines.tools import mlflow

    mlflow()


@app.command()
def serve() -> None:
    """Serve the champion."""
    from pipelines.tools import serve

    serve()


@app.command()
def results() -> None:
    """Keep what was trained here in docs/records, and write docs/results.md of all that is kept."""
    from pipelines.results import results

    results()


@app.command()
def release() -> None:
    """Put the best small network, halved, and its card into the package."""
    from pipelines.release import release

    release()


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 1."""
    environment.prepare()
    # Ended by a signal, too, a run stops the Prefect server that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        # NumPy reports a write that was cut short without a number.
        number = errno.ENOSPC if error.errno is None and str(error).endswith(" written") else error.errno
        if number not in MACHINE:
            raise
        sys.exit(f"error: {error.filename or 'disk'}: {os.strerror(number)}; {MACHINE[number]} and run again")
    except RuntimeError as error:
        if not any(words in str(error) for words in NO_PREFECT):
            raise
        sys.exit(f"error: Prefect: {str(error).rstrip('.')}; check PREFECT_API_URL, the disk's space and the proxy")


if __name__ == "__main__":
    main()
