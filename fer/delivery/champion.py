"""The champion's files, as the service reads them; apart from promotion, as a rollback must load little."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from fer.delivery.registry import Registered, Registry
from fer.errors import UserError
from fer.files import replace_folder
from fer.inference.classifier import MODEL_FILE, Card


def write_champion(folder: Path, model: Path, card: Card) -> None:
    """Put the champion's ONNX file and card into ``folder``, as ``fer.inference.Classifier`` reads them."""
    with replace_folder(folder) as fresh:
        shutil.copyfile(model, fresh / MODEL_FILE)
        card.save(fresh)


@contextmanager
def undisturbed(lock: Path, registry: Registry, current: Registered | None) -> Iterator[None]:
    """Nobody else changes the champion meanwhile, and it is still the one that the candidates were held against.

    Args:
        lock: a file that whoever changes the champion holds.
        registry: names the champion.
        current: the champion when the candidates were measured; None where there was none.

    Raises:
        UserError: where a person has put another one there since.
    """
    with FileLock(lock):
        champion = registry.champion()
        if (champion and champion.version) != (current and current.version):
            raise UserError("promote: the champion was changed while the candidates were measured; run again")
        yield
