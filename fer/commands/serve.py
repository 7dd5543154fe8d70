"""``fer serve``: the service and its page, from any folder."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from fer.errors import UserError
from fer.inference.classifier import RELEASED, Card

#: What the pipeline's promote stage writes.
CHAMPION = Path("champion")


def serve(
    model: Annotated[
        Path | None,
        typer.Option(help="folder with model.onnx and card.json; by default champion/, else the package's own"),
    ] = None,
    host: Annotated[str, typer.Option(help="address to listen on; 0.0.0.0 is every one of this machine")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen on; 0 takes a free one")] = 3000,
) -> None:
    """Answer over HTTP, with a page for the browser; FER_SERVE_... set the limits."""
    if find_spec("bentoml") is None:
        raise UserError("serve: BentoML is not installed; pip install 'fer-pipeline[serving]'")
    from fer.serving.settings import Settings  # what the extra brings
    from fer.serving.supervisor import listening, supervise

    settings = Settings.of()
    folder, why = chosen(model or settings.model, CHAMPION)
    card = Card.load(folder)
    with listening(host, port) as listener:
        address, number = listener.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"serve: {card.architecture} trained on {card.dataset} ({folder}): {why}", flush=True)
        print(f"serve: http://{shown}:{number}", flush=True)
        supervise(listener, folder.absolute(), settings)


def chosen(model: Path | None, champion: Path) -> tuple[Path, str]:
    """The model to serve, and why it is this one.

    A champion is served where its card says that it was trained on real faces: one of drawn faces knows nothing of
    them, and of one whose card does not say it is not known.

    Args:
        model: the user's own choice.
        champion: the folder of a pipeline's champion, which may not be there.

    Raises:
        UserError: where a folder holds no model, or not the one that its card describes.
    """
    if model:
        drawn = Card.load(model).drawn
        return model, "it was asked for" + ("; it was trained on drawn faces and knows no real ones" if drawn else "")
    if not champion.is_dir():
        return RELEASED, "the model of the package; there is no champion here"
    drawn = Card.load(champion).drawn
    if drawn is False:
        return champion, "the champion of this project"
    why = "was trained on drawn faces" if drawn else "does not say on which faces it was trained"
    return RELEASED, f"the model of the package; the champion of this project {why} (--model {champion} serves it)"
