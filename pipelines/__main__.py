"""``python -m pipelines STAGE``: run one stage of dvc.yaml, the whole DAG (``retrain``), or a tool of the project."""

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from fer.errors import UserError
from pipelines import environment
from pipelines.environment import MOST_WORKERS
from pipelines.stage_commands import stages

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(stages)

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


@app.command()
def draw(
    folder: Path,
    images: Annotated[int, typer.Option(help="Portraits.")] = 1500,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 7,
) -> None:
    """Draw a data set unlike the sample into FOLDER: colour, people, groups, a bias and flaws, all of them known."""
    from pipelines.draw import draw

    draw(folder, images, seed)


@app.command()
def audit(
    detector: Annotated[
        str | None, typer.Option(help="Look for the face in every image too: yunet or cascade. Takes minutes.")
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="Keep the figures in docs/records, and write docs/data-audit.md.")
    ] = False,
) -> None:
    """Look for copies, leaks, flawed images and doubtful labels; tables in reports/data."""
    from pipelines.audit import audit

    audit(detector, page)


@app.command()
def measure(model: Annotated[str, typer.Argument(help="A model's folder, or released.")] = "champion") -> None:
    """Measure MODEL on the test split of data/dataset, whatever it was trained on, by groups too."""
    from pipelines.measure import measure

    measure(model)


@app.command()
def rollback(version: Annotated[str | None, typer.Argument(help="By default the champion before.")] = None) -> None:
    """Make the previous champion, or VERSION, champion again; a running service takes it up."""
    from pipelines.rollback import rollback

    rollback(version)


@app.command()
def rebuild(
    version: str,
    train: Annotated[bool, typer.Option("--train", help="Train it again, and compare the bytes.")] = False,
) -> None:
    """Put code, settings, data and model of VERSION into state/rebuild, exactly as they were."""
    from pipelines.rebuild import rebuild

    rebuild(version, train)


@app.command()
def ablate(name: str, architecture: Annotated[str | None, typer.Argument()] = None) -> None:
    """Train ARCHITECTURE, by default that of ablations, with the change NAME of params.yaml."""
    environment.check_backend()
    with environment.quiet_start():
        from fer.params import load_params
        from pipelines.ablate import ablate
        from pipelines.flows import run

    run(ablate, name=name, architecture=architecture or load_params().ablations.architecture)


@app.command()
def repeat(architecture: str, seed: Annotated[int, typer.Argument(min=0, max=2**32 - 1)]) -> None:
    """Train ARCHITECTURE with another SEED; no stage of dvc.yaml."""
    environment.check_backend()
    with environment.quiet_start():
        from pipelines.flows import run
        from pipelines.repeat import repeat

    run(repeat, architecture=architecture, seed=seed)


@app.command()
def pack(
    plan: Annotated[Path, typer.Argument(help="The trainings, as YAML.")],
    folder: Annotated[Path, typer.Argument(help="To write; what is there is replaced.")] = Path("state/packed"),
) -> None:
    """Pack data and a PLAN of trainings for a machine that has a GPU and little else."""
    with environment.quiet_start():
        from pipelines.pack import pack

    pack(plan, folder)


@app.command()
def adopt(folder: Path) -> None:
    """Make the trainings in FOLDER, which came back from that machine, models of this project."""
    environment.check_backend()
    environment.check_exporter()
    with environment.quiet_start():
        from pipelines.adopt import adopt
        from pipelines.flows import run

    run(adopt, folder=folder)


@app.command()
def retrain(
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Architectures trained at the same time.")] = 1,
    pool: Annotated[
        str | None, typer.Option(help="Train on the workers of this Prefect work pool: docs/scale.md.")
    ] = None,
) -> None:
    """Run every stage that is out of date, from ingest to the champion's Bento."""
    from pipelines.retrain import checked_params, retrain
    from pipelines.server import running_server

    checked_params()
    with running_server(deployments=bool(pool)):
        retrain(workers, pool)


@app.command()
def schedule() -> None:
    """Retrain and monitor by the clocks and triggers of prefect.yaml, until interrupted."""
    from pipelines.schedule import schedule

    schedule()


@app.command()
def monitor(
    since: Annotated[
        str | None,
        typer.Option(help="Faces after that time, as 2026-11-28T06:00, or last: after the last report's."),
    ] = None,
) -> None:
    """Compare what the service read with the champion's validation images; an alarm is a Prefect event."""
    from pipelines.flows import run
    from pipelines.monitor import monitor

    run(monitor, since=since)


@app.command()
def prefect() -> None:
    """Open the Prefect UI on this project's runs."""
    from pipelines.tools import prefect

    prefect()


@app.command()
def mlflow() -> None:
    """Open the MLflow UI on this project's trainings."""
    from pipelines.tools import mlflow

    mlflow()


@app.command()
def serve() -> None:
    """Serve the champion over HTTP."""
    from pipelines.tools import serve

    serve()


@app.command()
def results() -> None:
    """Keep what was trained here in docs/records, and write docs/results.md."""
    from pipelines.results import results

    results()


@app.command()
def release(
    again: Annotated[
        bool, typer.Option("--again", help="Release the networks that are there, by today's code.")
    ] = False,
) -> None:
    """Put the best small networks, in int8, and their cards into the package."""
    from pipelines.release import release

    release(again)


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
        if error.errno not in MACHINE:
            raise
        # Of a copy that failed, the second is the file that could not be written.
        where = error.filename2 or error.filename or "disk"
        sys.exit(f"error: {where}: {os.strerror(error.errno)}; {MACHINE[error.errno]} and run again")


if __name__ == "__main__":
    main()
