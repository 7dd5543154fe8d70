"""Imports point downwards: the layers of docs/architecture.md, checked in the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: From the lowest; a package imports only packages of lower layers. Single modules of ``fer`` are named too.
LAYERS = (
    {"compressed", "emotions", "errors", "files", "job", "pipeline_run", "recipe", "schema", "sections", "source_code"},
    {"inference"},
    {"models", "serving"},
    {"commands", "cli"},
    {"params"},
    {"data", "store"},
    {"evaluation", "checks", "figures", "monitoring"},
    {"report", "training", "tracking"},
    {"delivery", "portable", "audit"},
    {"pipelines"},
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
#: Modules of one layer that may import each other: what all packages share, and the command `fer` with what it runs.
TOGETHER = (LAYERS[0], {"cli", "commands"})


def modules() -> dict[str, list[Path]]:
    """The Python files of every package."""
    found: dict[str, list[Path]] = {"pipelines": sorted((ROOT / "pipelines").glob("*.py"))}
    for path in sorted((ROOT / "fer").rglob("*.py")):
        parts = path.relative_to(ROOT / "fer").parts
        if parts != ("__init__.py",):
            found.setdefault(parts[0].removesuffix(".py"), []).append(path)
    return found


def imported(path: Path) -> Iterator[str]:
    """The packages that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "fer" else [node.module]
        for name in names:
            package, *rest = name.split(".")
            if package == "pipelines" or (package == "fer" and rest and rest[0] in LAYER):
                yield "pipelines" if package == "pipelines" else rest[0]


def test_every_package_has_a_layer() -> None:
    assert set(modules()) == set(LAYER)


@pytest.mark.parametrize("name", sorted(LAYER))
def test_a_package_imports_lower_layers_only(name: str) -> None:
    allowed = {other for other in LAYER if LAYER[other] < LAYER[name]} | {name}
    allowed |= {other for group in TOGETHER if name in group for other in group}
    found = {(path.relative_to(ROOT).as_posix(), other) for path in modules()[name] for other in imported(path)}
    assert {(path, other) for path, other in found if other not in allowed} == set()


def test_no_two_test_files_have_one_name():
    """Bare pytest imports them by their names, and stops at the second."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
