"""The dependencies that dvc.yaml lists are the files that each stage's code is made of."""

import shutil
from pathlib import Path

import pytest
import yaml

from fer import source_code
from fer.models import list_architectures
from fer.source_code import NO_RESULT_MODULES, ROOT, counts, import_closure
from fer.training.checkpoint import code_digest
from pipelines.recipes import shared_code

#: What a training is made of. Not ``pipelines.train``, which asks for it, saves and prints: that moves no weight.
FIT = ("fer.training.fit",)
ROOTS = {
    "ingest": ("pipelines.ingest",),
    "validate": ("pipelines.validate",),
    "explore": ("pipelines.explore",),
    "recipes": ("pipelines.recipes",),
    "train": FIT,
    "ensemble": ("pipelines.ensemble",),
    "distill": (*FIT, "fer.training.distillation"),
    "compare": ("pipelines.compare",),
    "promote": ("pipelines.promote",),
    "package": ("pipelines.package",),
}
#: The file of a training's own architecture.
OWN = {"train": "fer/models/${item.architecture}.py", "distill": "fer/models/${item.student}.py"}
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def expected(stage: str) -> set[str]:
    """The files that a stage's code is made of."""
    files = import_closure(*ROOTS[stage])
    if stage in OWN:
        files |= {OWN[stage]}
    if stage == "recipes":
        # They name the code that each architecture shares with others.
        files |= code_below(ROOT / "fer/models")
    if stage == "package":
        included = yaml.safe_load((ROOT / "bentofile.yaml").read_text())["include"]
        files |= {
            path.relative_to(ROOT).as_posix()
            for pattern in included
            for path in ROOT.glob(pattern)
            # The page's files come with the folder that dvc.yaml names.
            if path.suffix == ".py" and ("*" not in pattern or counts(path))
        }
    return files


def code_below(path: Path) -> set[str]:
    """A file, or the modules of a folder that count."""
    files = [path] if path.suffix else [file for file in path.rglob("*.py") if counts(file)]
    return {file.relative_to(ROOT).as_posix() for file in files}


def listed(stage: str) -> set[str]:
    """The files of code that dvc.yaml lists for a stage, those of folders one by one."""
    code = [dep for dep in STAGES[stage]["deps"] if dep.startswith(tuple(f"{name}/" for name in source_code.PACKAGES))]
    return {file for dep in code for file in ({dep} if "${" in dep else code_below(ROOT / dep))}


def as_list(files: set[str]) -> str:
    """The lines for dvc.yaml: a folder where all of it counts."""
    whole = {
        folder.relative_to(ROOT).as_posix()
        for package in source_code.PACKAGES
        for folder in (ROOT / package).rglob("*")
        if folder.is_dir() and code_below(folder) and code_below(folder) <= files
    }
    lines = {file if not (inside := [f for f in whole if file.startswith(f"{f}/")]) else min(inside) for file in files}
    return "".join(f"      - {line}\n" for line in sorted(lines, key=lambda line: (line[0] != "p", line)))


def test_every_stage_has_its_roots() -> None:
    assert set(ROOTS) == set(STAGES)
    assert all(import_closure(*roots) for roots in ROOTS.values())


@pytest.mark.parametrize("stage", ROOTS)
def test_a_stage_depends_on_its_imports_and_on_nothing_else(stage: str) -> None:
    want, have, lines = expected(stage), listed(stage), STAGES[stage]["deps"]
    assert len(set(lines)) == len(lines), f"dvc.yaml, stage {stage}: a line twice"
    assert have == want, (
        f"dvc.yaml, stage {stage}: missing {sorted(want - have)}, superfluous {sorted(have - want)}; the list:\n"
        + as_list(want)
    )


@pytest.mark.parametrize("name", list_architectures())
def test_a_training_is_made_of_no_other_architecture_and_of_nothing_that_tells_or_saves(name: str) -> None:
    files = import_closure(*FIT, f"fer.models.{name}")
    assert {f"fer/models/{other}.py" for other in list_architectures()} & files == {f"fer/models/{name}.py"}
    saving = {f"fer/training/{part}.py" for part in ("save", "export", "progress", "checkpoint")}
    assert not files & (
        saving | {"fer/params.py", "fer/tracking.py", "fer/evaluation/metrics.py", "pipelines/train.py"}
    )
    assert not [file for file in files if file.startswith(("fer/figures", "fer/report", "fer/delivery", "pipelines"))]


@pytest.mark.parametrize("stage", OWN)
@pytest.mark.parametrize("name", list_architectures())
def test_a_training_depends_on_all_code_that_can_move_a_weight_and_on_no_other(stage: str, name: str) -> None:
    """By dvc.yaml's list, which is the same for every architecture, and by the file that the recipes stage writes."""
    by_list = listed(stage) - {OWN[stage]} | {f"fer/models/{name}.py"}
    assert by_list | set(shared_code(name)) == import_closure(*ROOTS[stage], f"fer.models.{name}")


def test_every_module_that_changes_no_result_is_there() -> None:
    files = [ROOT.joinpath(*name.split(".")) for name in NO_RESULT_MODULES]
    assert all(file.with_suffix(".py").is_file() or (file / "__init__.py").is_file() for file in files)
    assert all(NO_RESULT_MODULES.values())


def test_the_closure_follows_imports_as_python_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_code, "ROOT", tmp_path)
    files = {
        "fer/__init__.py": '"""A docstring, and a version."""\n__version__ = "1"\n',
        "fer/a/__init__.py": "from fer.b import thing\n",
        "fer/a/one.py": "import os\nfrom fer import c\n\ndef late():\n    from fer.a.two import x\n",
        "fer/a/two.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fer.a.typed import T\n",
        "fer/a/typed.py": "",
        "fer/a/unused.py": "",
        "fer/b.py": "from fer.errors import UserError\nthing = 1\n",
        "fer/c.py": "import fer.a.two\n",
        "fer/errors.py": "from fer.words import x\n",
        "fer/words.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert import_closure("fer.a.one") == {"fer/a/__init__.py", "fer/a/one.py", "fer/a/two.py", "fer/b.py", "fer/c.py"}
    assert import_closure("numpy", "fer.nothing") == set()


def test_what_moves_no_weight_of_an_architecture_leaves_its_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new architecture, the progress bar, how a model is saved, a metric."""
    shutil.copytree(ROOT / "fer", tmp_path / "fer", ignore=shutil.ignore_patterns("__pycache__", "released"))
    monkeypatch.setattr(source_code, "ROOT", tmp_path)
    former = {name: code_digest(name) for name in ("mini", "vggface")}
    (tmp_path / "fer/models/new.py").write_text("from fer.models.common.trunk import head\n")
    for path in ("training/progress.py", "training/save.py", "evaluation/metrics.py", "figures/style.py", "params.py"):
        with (tmp_path / "fer" / path).open("a") as file:
            file.write("# edited\n")
    assert {name: code_digest(name) for name in former} == former
    assert code_digest("new") not in former.values()
    with (tmp_path / "fer/models/mini.py").open("a") as file:
        file.write("# edited\n")
    assert code_digest("mini") != former["mini"]
    assert code_digest("vggface") == former["vggface"]
    with (tmp_path / "fer/training/batches.py").open("a") as file:
        file.write("# edited\n")
    assert code_digest("vggface") != former["vggface"]
