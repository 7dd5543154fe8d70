"""``fer check``: is a data set fit to train on? It needs the extra ``check``, and none of the pipeline."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from fer.commands.tables import Column, Table, shortened
from fer.emotions import EMOTIONS
from fer.errors import UserError
from fer.files import check_place

if TYPE_CHECKING:  # what the base installation lacks is imported when the command runs
    from fer.checks.report import CheckReport, CheckResult
    from fer.data.dataset import FaceDataset
    from fer.sections import Data

#: Settings of section ``data`` that a check without a file of settings has.
DEFAULTS: dict[str, Any] = {
    "kaggle": "", "votes": Path(), "classes": "found", "remove_copies": False,
    "validation_share": 0.1, "test_share": 0.1, "seed": 13, "sample": {"images": 70, "seed": 0},
}  # fmt: skip
#: Exit codes: warnings in a strict check, and critical failures or data that cannot be read.
STRICT, CRITICAL = 1, 2
#: What data docs are.
SITE = {"expectations", "index.html", "static", "validations"}
#: Modules of the extra ``check`` that are imported after the data was read.
EXTRA = ("cleanlab", "faiss", "great_expectations", "jinja2", "onnx", "rich", "scipy", "sklearn")
#: Characters of a line about a check.
WIDTH = 88
ORDER = ("critical", "warning", "info", "passed")


def check(
    path: Annotated[Path, typer.Argument(help="Folder, zip or tar of labelled faces, a CSV of pixels, or a data set.")],
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 1 where a check warns.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the data docs, pages that open offline, to this folder.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="A params.yaml: its section data says how to read labels, splits and columns.")
    ] = None,
    suites: Annotated[
        Path | None, typer.Option(help="Folder of expectation suites (*.yaml) in place of the package's.")
    ] = None,
) -> None:
    """Check a data set, as it lies there.

    Looked for are copies, leaks between splits, blank, dark, blurred and
    odd images, doubtful labels, missing classes, and measurements that
    differ between splits or give the class away. Nothing is changed.

    The exit code is 0 where all is well or there are only warnings, 1
    where there are warnings and --strict is given, and 2 where a check
    that matters fails or the data cannot be read.
    """
    try:
        report = _checked(path, output, settings, suites)
    except ModuleNotFoundError as error:
        lacking = str(error.name).partition(".")[0]
        _refuse(
            f"fer check needs {lacking}, which is not installed; in a clone of the repository: pip install '.[check]'"
        )
    except UserError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename or 'disk'}: {error.strerror or error}; check its permissions and the disk's space")
    _print(report)
    if output:
        print(f"data docs: {output / 'index.html'}")
    if report.critical_failures:
        raise typer.Exit(CRITICAL)
    if strict and report.warnings:
        raise typer.Exit(STRICT)


def _refuse(problem: str) -> NoReturn:
    print(f"error: {problem}", file=sys.stderr)
    raise typer.Exit(CRITICAL)


def _checked(path: Path, output: Path | None, settings: Path | None, suites: Path | None) -> "CheckReport":
    """The report on the data at a path.

    Raises:
        UserError: for data, settings or suites that cannot be read, and a folder for data docs that holds other things.
        ModuleNotFoundError: without the extra.
    """
    if not path.is_file() and not path.is_dir():
        what = "is no regular file" if path.exists() else "no such file or folder"
        raise UserError(f"{path}: {what}; check the path")
    if output:
        check_place(Path(os.path.realpath(output)), folder=True)
        if output.exists() and not _is_replaceable(output):
            raise UserError(f"{output}: holds something else than data docs; choose another folder for --output")
    if suites and not (suites.is_dir() and any(name.endswith(".yaml") for name in os.listdir(suites))):
        raise UserError(f"{suites}: no expectation suite (*.yaml) here; give a folder that has some as --suites")
    with _naming(settings):
        data = _settings(path, settings)
    for name in EXTRA:
        if find_spec(name) is None:
            raise ModuleNotFoundError(name=name)
    from fer.audit.progress import bars

    with bars() as progress:
        progress("reading")
        with _naming(settings):
            dataset = _read(path, data)
        # Its import takes seconds, and whoever made a mistake need not wait for it.
        from fer.audit.measured import measure
        from fer.checks.run import run_checks
        from fer.checks.suites import SUITES

        measured = measure(dataset, data.seed, progress)
        progress("checks")
        return run_checks(dataset, suites or SUITES, 3, output, measured=measured)


def _is_replaceable(folder: Path) -> bool:
    """Whether a folder is empty, or holds data docs alone."""
    names = {inside.name for inside in folder.iterdir()} - {".DS_Store"}
    return not names or {"index.html", "validations"} <= names <= SITE


def _settings(path: Path, settings: Path | None) -> "Data":
    """How to read the data: the section ``data`` of a file of settings, or what needs none."""
    from pydantic import ValidationError

    from fer.data.ingest import source_of
    from fer.data.reading import Reading
    from fer.params import first_complaint, read_yaml
    from fer.sections import Data

    section: dict[str, Any] = {}
    if settings:
        content = read_yaml(settings, "name a params.yaml")
        if not isinstance(content, dict) or "data" not in content:
            raise UserError(f"{settings}: no section data in it; name a params.yaml")
        section = content["data"]
        if not isinstance(section, dict):
            raise UserError(f"{settings}: data: holds no settings; name a params.yaml")
    try:
        data = Data.model_validate(DEFAULTS | section | {"path": path, "source": "folder", "remove_copies": False})
    except ValidationError as error:
        raise UserError(f"{settings or path}: data.{first_complaint(error, Data)}") from error
    return data.model_copy(update={"source": source_of(path, Reading.of(data))})


def _read(path: Path, data: "Data") -> "FaceDataset":
    """The data set as it lies there: with its copies, and with the classes that it has where none are asked for."""
    from fer.data.dataset import FaceDataset
    from fer.data.ingest import emotions_of, prepare, read_source

    # Other people's folders have a dataset.json too.
    if (path / "dataset.json").is_file() and any((path / name).exists() for name in ("images.npy", "table.parquet")):
        return FaceDataset.load(path)
    if data.source != "csv":
        data = data.model_copy(update={"votes": Path()})
    source = read_source(data)
    readings = list(source.readings)
    if data.classes == "found":
        classes = emotions_of(source)
        if missing := [name for name in EMOTIONS if name not in classes]:
            readings.append(f"no image is {', '.join(missing)}")
        data = data.model_copy(update={"classes": classes})
    dataset, report = prepare(source, data)
    for reading in dict.fromkeys([*readings, *report["readings"]]):
        print(f"{path}: {reading}", file=sys.stderr)
    return dataset


@contextmanager
def _naming(settings: Path | None) -> Iterator[None]:
    """Say in messages which file has the settings: those of the pipeline stand in its params.yaml."""
    pipelines = "params.yaml: "
    try:
        yield
    except UserError as error:
        said = str(error)
        if settings and said.startswith(pipelines):
            said = f"{settings}: {said.removeprefix(pipelines)}"
        where = settings or "a params.yaml that --settings names"
        raise UserError(f"{said} ({error.setting}: in {where})" if error.setting else said) from error


def _print(report: "CheckReport") -> None:
    """A row for every check, the worst first, with what breaks it and what to do; then the sum."""
    table = Table(Column("verdict", 8), Column("check", WIDTH))
    print(table.header)
    for result in sorted(report.results, key=lambda result: ORDER.index(_verdict(result))):
        print(table.row(_verdict(result), result.description))
        if not result.success:
            print(table.row("", f"  {shortened(result.found, 2 * WIDTH)}"))
            print(table.row("", f"  {result.remedy}"))
    for skipped in report.skipped:
        print(table.row("skipped", f"{skipped.description} (no {skipped.column})"))
    passed = sum(result.success for result in report.results)
    warnings, remarks = len(report.warnings), len(report.remarks)
    failed = f"{len(report.critical_failures)} critical, {warnings} warning{'s' * (warnings != 1)}, "
    failed += f"{remarks} remark{'s' * (remarks != 1)}"
    print(f"\n{report.dataset}: {report.images:,} images, {len(report.results)} checks: {failed}, {passed} passed")


def _verdict(result: "CheckResult") -> str:
    return "passed" if result.success else result.severity
