"""Options that several commands have, each with one meaning and one help text."""

from pathlib import Path
from typing import Annotated

import typer

from fer.errors import UserError

Url = Annotated[
    str | None,
    typer.Option(help="Ask the service at this address: photos as files, frames as JPEG; FER_API_KEY holds its key."),
]
Model = Annotated[
    str | None, typer.Option(help="Folder of a model, or one of the package's: 'released', or 'mini' for weak devices.")
]
DetectorName = Annotated[str | None, typer.Option(help="auto (the default), yunet or cascade.")]
MinFace = Annotated[int | None, typer.Option(help="Shorter side of the smallest face to look for, in pixels.")]
FramesAsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object a line for every frame.")]
FramesAsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, a row for every face of every frame.")]
VideoFile = Annotated[Path | None, typer.Option(help="Write the video with boxes to this .mp4 or .avi file.")]
Baseline = Annotated[
    float | None,
    typer.Option(min=0.1, help="Seconds at the start in which everybody's face rests: it then counts as neutral."),
]


def check_format(as_json: bool, as_csv: bool) -> None:
    """Refuse two formats at once.

    Raises:
        UserError: when both are asked for.
    """
    if as_json and as_csv:
        raise UserError("--json and --csv: choose one")
