"""The champion's files, as the service reads them; apart from promotion, as a rollback must load little."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from fer.delivery.registry import Registry
from fer.delivery.version_files import REFERENCE_FILE
from fer.errors import UserError
from fer.files import replace_folder
from fer.inference.classifier import CARD_FILE, MODEL_FILE, Card

#: Beside a champion in int8: the network as it was trained.
WHOLE_FOLDER = "float32"


def write_champion(
    folder: Path, model: Path, card: Card, quantized: Path | None = None, reference: Path | None = None
) -> None:
    """Put the champion's ONNX file and card into ``folder``, as ``fer.inference.Classifier`` reads them.

    Args:
        folder: what is served.
        model: the network as it was trained.
        card: its card.
        quantized: a folder with the same network in int8 and the card of that file: it is what is served then, and the
            network as it was trained stands beside it, in ``float32``.
        reference: what the service's records are held against (``fer.monitoring``); a version that was registered
            before there was one has none.
    """
    with replace_folder(folder) as fresh:
        whole = fresh / WHOLE_FOLDER if quantized else fresh
        whole.mkdir(exist_ok=True)
        shutil.copyfile(model, whole / MODEL_FILE)
        card.save(whole)
        if quantized:
            for name in (MODEL_FILE, CARD_FILE):
                shutil.copyfile(quantized / name, fresh / name)
        if reference:
            shutil.copyfile(reference, fresh / REFERENCE_FILE)


@contextmanager
def undisturbed(lock: Path, registry: Registry, before: str | None, word: str) -> Iterator[None]:
    """Nobody else changes the champion meanwhile, and it is still the one that was there when the work began.

    Args:
        lock: a file that whoever changes the champion holds.
        registry: names the champion.
        before: the champion's version when the work began; None where there was none.
        word: the command, for the message.

    Raises:
        UserError: where somebody has put another one there since.
    """
    with FileLock(lock):
        if registry.champion_version() != before:
            raise UserError(f"{word}: the champion was changed meanwhile; run again")
        yield
