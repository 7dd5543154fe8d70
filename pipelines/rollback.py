"""The champion by a person's word: back to a former version, or on to the challenger. No stage of dvc.yaml."""

import shutil
from collections.abc import Callable
from typing import TypeVar

from filelock import FileLock

from fer.delivery.champion import undisturbed, write_champion
from fer.delivery.registry import Registry
from fer.delivery.version_files import Registered
from fer.errors import UserError
from fer.params import load_params
from fer.store import Store
from pipelines import paths
from pipelines.packaged import pack

Result = TypeVar("Result")


def rollback(version: str | None) -> None:
    """Make a former version champion again, and mark the present one as taken back: gates refuse it from now on.

    Args:
        version: its number; by default the champion before the present one.

    Raises:
        UserError: where there is no such version, no champion, or its files are lost.
    """
    registry = Registry(Store(load_params().tracking))
    # Read before the lock: of two at the same moment, the second must not go back once more.
    before = registry.champion_version()
    target = registry.find(version) if version else registry.previous()
    if target is None:
        what = "no previous champion" if before else "no champion yet"
        raise UserError(f"rollback: there is {what}; name a version: python -m pipelines rollback VERSION")
    with undisturbed(paths.CHAMPION_LOCK, registry, before, "rollback"):
        gone = _put(registry, target, registry.take_back)
    if gone:
        print(f"rollback: version {gone} is taken back: its model is refused by the gate 'not taken back'")
        print(f"rollback: to take it again: python -m pipelines promote --accept --version {gone}", flush=True)
    _pack("rollback", target)


def accept(version: str | None) -> None:
    """Make the challenger champion, or another version, whatever gates said.

    Args:
        version: its number; by default the challenger's.

    Raises:
        UserError: where there is no such version, nobody waits, or its files are lost.
    """
    registry = Registry(Store(load_params().tracking))
    with FileLock(paths.CHAMPION_LOCK):
        target = registry.find(version) if version else registry.challenger()
        if target is None:
            raise UserError(
                "promote: no challenger waits; name a version: python -m pipelines promote --accept --version N"
            )
        _put(registry, target, registry.accept)
        if registry.challenger() is None:
            shutil.rmtree(paths.CHALLENGER, ignore_errors=True)
    _pack("promote", target)


def _put(registry: Registry, target: Registered, crown: Callable[[Registered], Result]) -> Result:
    """Fetch a version's model, which says that it is whole, write its files, and name it champion.

    The files come first: killed in between, the same command finds the registry as it was, and finishes.
    """
    card = target.card
    with (
        registry.model(target) as model,
        registry.quantized(target) as quantized,
        registry.reference(target) as reference,
    ):
        write_champion(paths.CHAMPION, model, card, quantized, reference)
        said = crown(target)
    print(
        f"{paths.CHAMPION}/: version {target.version}, {card.architecture} trained on {card.dataset}; a running",
        end=" ",
    )
    print("fer serve takes it up within a second", flush=True)
    return said


def _pack(word: str, target: Registered) -> None:
    """The champion's Bento, after the service has its files."""
    try:
        print(f"{word}: {pack().tag} serves it", flush=True)
    except UserError as error:
        raise UserError(f"{error}; version {target.version} is champion and served, and make run packs it") from error
