"""Imports point downwards: docs/architecture.md's floors, held against the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: From the ground up; a room imports rooms on lower floors alone. Modules of ``fer`` that are no folder stand by name.
FLOORS = (
    {"emotions", "errors", "files", "job", "pipeline_run", "recipe", "schema", "source_code"},
    {"inference"},
    {"models", "serving", "webcam", "cli"},
    {"params"},
    {"data", "store"},
    {"evaluation", "checks", "figures"},
    {"report", "training", "tracking"},
    {"delivery"},
    {"pipelines"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
#: Rooms whose own modules stand on one floor together: the words that all share, and the command with what it shows.
TOGETHER = (FLOORS[0], {"cli", "webcam"})


def modules() -> dict[str, list[Path]]:
    """The Python files of every room."""
    found: dict[str, list[Path]] = {"pipelines": sorted((ROOT / "pipelines").glob("*.py"))}
    for path in sorted((ROOT / "fer").rglob("*.py")):
        parts = path.relative_to(ROOT / "fer").parts
        if parts != ("__init__.py",):
            found.setdefault(parts[0].removesuffix(".py"), []).append(path)
    return found


def imported(path: Path) -> Iterator[str]:
    """The rooms that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "fer" else [node.module]
        for name in names:
            package, *rest = name.split(".")
            if package == "pipelines" or (package == "fer" and rest and rest[0] in FLOOR):
                yield "pipelines" if package == "pipelines" else rest[0]


def test_every_room_has_a_floor() -> None:
    assert set(modules()) == set(FLOOR)


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_a_room_imports_lower_floors_alone(room: str) -> None:
    allowed = {other for other in FLOOR if FLOOR[other] < FLOOR[room]} | {room}
    allowed |= {other for group in TOGETHER if room in group for other in group}
    found = {(path.relative_to(ROOT).as_posix(), other) for path in modules()[room] for other in imported(path)}
    assert {(path, other) for path, other in found if other not in allowed} == set()
