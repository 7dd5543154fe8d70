"""Which source files a result depends on: the imports of a module, followed through the project."""

import ast
import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

#: The folder that holds the packages.
ROOT = Path(__file__).parents[1]
PACKAGES = ("fer", "pipelines")

_PARSING = threading.Lock()

#: Modules that change no result, each with what it does instead. Neither they nor their imports count.
NO_RESULT_MODULES = {
    "fer": "the version, and Reader when it is asked for",
    "fer.delivery.version_page": "what the registry shows of a model",
    "fer.errors": "the words of a user's mistake",
    "fer.files": "puts a file into place",
    "fer.schema": "says what is wrong with a JSON file",
    "fer.store": "opens MLflow's store",
    "fer.tracking": "logs to MLflow what is there already",
    "fer.training.checkpoint": "keeps a training's state on disk",
    "pipelines.environment": "the environment of every command",
    "pipelines.flows": "what every flow asks of Prefect",
    "pipelines.paths": "where files are, which dvc.yaml says too",
    "pipelines.reporting": "prints lines",
    "pipelines.ports": "ports of this machine",
    "pipelines.server": "starts Prefect's server",
    "pipelines.tables": "prints tables",
    "pipelines.tracking": "opens MLflow's store as a task",
}


def import_closure(*modules: str) -> set[str]:
    """Files that the modules' code is made of: themselves, and what they import, directly or not.

    Imports inside functions count, those for type checkers alone do not, nor do ``NO_RESULT_MODULES``. A package's
    ``__init__.py`` counts where it imports from the project or defines something.

    Args:
        modules: dotted names; those that are no modules of the project are left out.

    Returns:
        Paths relative to the project's folder, such as ``fer/training/fit.py``.

    Raises:
        ValueError: for a relative import, of which the project has none.
    """
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if module in seen or module in NO_RESULT_MODULES or path is None:
            continue
        seen.add(module)
        imported = list(_imports(_parse(path)))
        if counts(path):
            found.add(path.relative_to(ROOT).as_posix())
        # A module's packages are imported before it.
        waiting += imported + ([module.rpartition(".")[0]] if "." in module else [])
    return found


def counts(path: Path) -> bool:
    """Whether a module is more than an ``__init__.py`` that only says what its package is, or which version."""
    if path.name != "__init__.py":
        return True
    code = _parse(path)
    return any(isinstance(part, ast.FunctionDef | ast.ClassDef) for part in code.body) or any(_imports(code))


def closure_digest(*modules: str) -> str:
    """16 hex digits that change with any file of an import closure."""
    return hashlib.sha256(repr(file_digests(*modules)).encode()).hexdigest()[:16]


def file_digests(*modules: str) -> dict[str, str]:
    """The files of an import closure, sorted, each with 16 hex digits that change with any byte of it."""
    paths = sorted(import_closure(*modules))
    return {path: hashlib.sha256((ROOT / path).read_bytes()).hexdigest()[:16] for path in paths}


def _parse(path: Path) -> ast.Module:
    """A module's code.

    CPython 3.11 counts the depth of what all threads parse together, and calls it an error where they meet (gh-106905):
    ours take turns, and where a library's is in the way, it is tried again.
    """
    text = path.read_text(encoding="utf-8")
    with _PARSING:
        for _ in range(9):
            with contextlib.suppress(SystemError):
                return ast.parse(text)
        return ast.parse(text)


def _file(module: str) -> Path | None:
    """The file of a module or package; None for what is no module of the project."""
    path = ROOT.joinpath(*module.split("."))
    if module.partition(".")[0] not in PACKAGES:
        return None
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _imports(node: ast.AST) -> Iterator[str]:
    """Every module of the project that the code below a node imports, by its full name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        names: list[str] = []
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            if child.level or not child.module:
                raise ValueError(f"line {child.lineno}: a relative import; name the module in full")
            # What is imported from a package may be a module of it.
            names = [child.module, *(f"{child.module}.{alias.name}" for alias in child.names)]
        yield from (name for name in names if _file(name))
        yield from _imports(child)
