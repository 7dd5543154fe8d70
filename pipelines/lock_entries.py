"""A stage's entry in dvc.lock: the hashes of what it read and wrote, by which a result moves from clone to clone.

DVC's run cache holds the same entries, but not for outputs that persist, which all of dvc.yaml's do (DVC 3.67,
``dvc.stage.cache._can_hash``): there ``dvc pull --run-cache`` brings nothing.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage
from dvc.stage.loader import StageLoader
from dvc.stage.serialize import to_single_stage_lockfile

from fer.errors import UserError

#: A stage's command, dependencies and outputs with their hashes, as dvc.lock has them.
Entry = dict[str, Any]


def read_entries(stages: list[str]) -> dict[str, Entry]:
    """What dvc.lock says of finished stages.

    Args:
        stages: their names, such as ``train@baseline``.

    Raises:
        UserError: where DVC fails.
    """
    with _repo() as repo:
        return {stage.name: _plain(to_single_stage_lockfile(stage)) for stage in _stages(repo, stages)}


def write_entries(entries: dict[str, Entry]) -> None:
    """Put entries of another clone into this one's dvc.lock; ``dvc pull`` then brings the outputs that they name.

    Raises:
        UserError: where DVC fails.
    """
    with _repo() as repo, repo.lock:
        for stage in _stages(repo, list(entries)):
            StageLoader.fill_from_lock(stage, entries[stage.name])
            stage.dvcfile.dump(stage, update_pipeline=False)


def dependencies(stage: str) -> dict[str, str]:
    """The hash of every file that a stage would read now.

    Raises:
        UserError: where one is missing, or DVC fails.
    """
    with _repo() as repo:
        (found,) = _stages(repo, [stage])
        found.save_deps()
        return {dep.def_path: str(dep.hash_info.value) for dep in found.deps}


@contextlib.contextmanager
def _repo() -> Iterator[Repo]:
    try:
        with Repo(_wait_for_lock=True) as repo:
            yield repo
    except DvcException as error:
        raise UserError(f"dvc: {' '.join(str(error).split())}; mend it and run again") from error


def _stages(repo: Repo, names: list[str]) -> list[PipelineStage]:
    return [stage for name in names for stage in repo.stage.collect(name)]


def _plain(value: Any) -> Any:
    """Of dictionaries and lists alone, as JSON takes them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
