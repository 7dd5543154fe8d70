"""``fer serve``: the service and its page, from any folder."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from fer.errors import UserError
from fer.inference.choice import choose_model
from fer.inference.yunet_file import SETTING


def serve(
    model: Annotated[
        Path | None,
        typer.Option(help="Folder with model.onnx and card.json; by default champion/, else the released one."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 3000,
) -> None:
    """Answer over HTTP, with a page for the browser. FER_SERVE_... set the limits (docs/serving.md)."""
    if find_spec("bentoml") is None:
        raise UserError("serve: BentoML is not installed; in a clone of the repository: pip install '.[serving]'")
    from fer.inference.detection import open_detector
    from fer.serving.settings import Settings  # what the extra brings
    from fer.serving.supervisor import listening, supervise

    settings = Settings.of()
    choice = choose_model(model or settings.model)
    settings.check_monitor()
    if os.environ.get(SETTING):  # a wrong file is said here, before a worker fails; a download is the worker's
        open_detector("yunet")
    with listening(host, port) as listener:
        address, number = listener.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"serve: {choice}", flush=True)
        if choice.card.drawn:
            print("serve: this model was trained on drawn faces and knows no real ones", flush=True)
        print(f"serve: http://{shown}:{number}", flush=True)
        supervise(listener, choice.folder.absolute(), settings)
