"""The champion by a person's word: back to a former version, or on to the challenger. No stage of dvc.yaml."""

from collections.abc import Callable

from filelock import FileLock

from fer.delivery.champion import write_champion
from fer.delivery.registry import Registered, Registry
from fer.errors import UserError
from fer.params import load_params
from fer.store import Store
from pipelines import paths
from pipelines.packaged import pack


def rollback(version: str | None) -> None:
    """Make a former version champion again, and mark the present one as taken back: gates refuse it from now on.

    Args:
        version: its number; by default the champion before the present one.

    Raises:
        UserError: where there is no such version, no champion, or its files are lost.
    """
    registry = Registry(Store(load_params().tracking))
    with FileLock(paths.CHAMPION_LOCK):
        champion = registry.champion()
        target = registry.find(version) if version else registry.previous()
        if champion is None or target is None:
            what = "no champion yet" if champion is None else "no previous champion"
            raise UserError(f"rollback: there is {what}; name a version: python -m pipelines rollback VERSION")
        gone: list[str | None] = []
        _put(registry, target, lambda: gone.append(registry.take_back(target)))
    if gone[0]:
        print(f"rollback: version {gone[0]} is taken back: its model is refused by the gate 'not taken back'")
        print(f"rollback: to take it again: python -m pipelines promote --accept --version {gone[0]}", flush=True)
    _pack("rollback")


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
        _put(registry, target, lambda: registry.accept(target))
    _pack("promote")


def _put(registry: Registry, target: Registered, crown: Callable[[], object]) -> None:
    """Fetch a version's model, which says that it is whole, name it champion, and write its files."""
    card = target.card
    with registry.model(target) as model, registry.quantized(target) as quantized:
        crown()
        write_champion(paths.CHAMPION, model, card, quantized)
    print(
        f"{paths.CHAMPION}/: version {target.version}, {card.architecture} trained on {card.dataset}; a running",
        end=" ",
    )
    print("fer serve takes it up within a second", flush=True)


def _pack(word: str) -> None:
    """The champion's Bento, after the service has its files."""
    print(f"{word}: {pack().tag} serves it", flush=True)
