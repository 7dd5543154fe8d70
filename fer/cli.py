"""``fer``: what a trained model is used for from the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fer.errors import UserError
from fer.inference.classifier import RELEASED
from fer.webcam import run_webcam

#: What the pipeline's promote stage writes.
CHAMPION = Path("champion")

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def fer() -> None:
    """Facial emotion recognition."""


@app.command()
def webcam(
    source: Annotated[str, typer.Argument(help="a camera's number, a video file, or a folder of images")] = "0",
    model: Annotated[
        Path | None,
        typer.Option(
            help="folder with model.onnx and card.json; by default champion/, or else the package's own model"
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="write the annotated video, or folder of images, here")] = None,
    display: Annotated[bool, typer.Option(help="show a window")] = True,
) -> None:
    """Box every face and name its emotion."""
    model = model or (CHAMPION if CHAMPION.is_dir() else RELEASED)
    summary = run_webcam(source, model, output, display)
    print(f"{summary.frames} frames, {summary.faces} faces")


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 1."""
    try:
        app()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename or 'disk'}: {error.strerror or error}; choose another place")
