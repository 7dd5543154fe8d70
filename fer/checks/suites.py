"""Suites of expectations, read from YAML files."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from great_expectations.exceptions import GreatExpectationsError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

import fer.checks.distributions
import fer.checks.expectations  # noqa: F401  both register those that suites name
from fer.checks.report import SkippedCheck
from fer.errors import UserError
from fer.params import read_yaml

#: The suites that come with the package.
SUITES = Path(__file__).parents[1] / "expectations"
#: The arguments of expectations that name a column.
COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "group_column", "label_column")


@dataclass(frozen=True)
class Suite:
    """A suite file, with the optional checks that do not apply taken out.

    Attributes:
        path: the file; its stem is the suite's name.
        expectations: what it expects, in the file's order.
        skipped: optional checks whose column the table lacks.
    """

    path: Path
    expectations: tuple[Expectation, ...]
    skipped: tuple[SkippedCheck, ...]

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.path.stem


def load_suites(folder: Path, columns: Collection[str], parameters: Collection[str], cleaned: bool) -> list[Suite]:
    """Read every ``*.yaml`` of a folder, sorted by name.

    Args:
        folder: holds files with ``name`` (the file's own) and ``expectations``, as Great Expectations serialises a
            suite.
        columns: those of the table that is checked.
        parameters: names that ``{$PARAMETER: name}`` may stand for.
        cleaned: if false, the checks marked ``meta.cleaning`` become warnings.

    Raises:
        UserError: for a folder without suites, a file that is no suite, or an expectation that Great Expectations
            does not accept (which it would leave out silently) or whose column or parameter does not exist.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise UserError(
            f"{folder}: no expectation suite (*.yaml) here; set validate.suites to the folder of the suites"
        )
    return [_load_suite(path, columns, parameters, cleaned) for path in paths]


def columns_of(kwargs: Mapping[str, Any]) -> list[str]:
    """The columns that an expectation reads, by its arguments."""
    return [kwargs[name] for name in COLUMN_ARGUMENTS if kwargs.get(name)]


def _load_suite(path: Path, columns: Collection[str], parameters: Collection[str], cleaned: bool) -> Suite:
    content = read_yaml(path, "name a folder of suites that can be read in validate.suites")
    try:
        name, entries = content["name"], list(content["expectations"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not a suite ({_line(error)}); it needs name and expectations") from error
    if name != path.stem or not entries:
        raise UserError(f"{path}: name must be {path.stem}, and expectations must not be empty")
    expectations, skipped = [], []
    for entry in entries:
        expectation = _expectation(path, entry, cleaned)
        asked = [value["$PARAMETER"] for value in entry["kwargs"].values() if "$PARAMETER" in _mapping(value)]
        if unknown := [name for name in asked if name not in parameters]:
            known = ", ".join(parameters)
            raise UserError(f"{path}: {expectation.description}: no parameter {unknown[0]!r}; use one of {known}")
        missing = [column for column in columns_of(entry["kwargs"]) if column not in columns]
        if not missing:
            expectations.append(expectation)
        elif (expectation.meta or {}).get("optional"):
            skipped.append(SkippedCheck(name, expectation.description, missing[0]))
        else:
            known = ", ".join(columns)
            raise UserError(f"{path}: {expectation.description}: no column {missing[0]!r}; use one of {known}")
    return Suite(path, tuple(expectations), tuple(skipped))


def _expectation(path: Path, entry: dict[str, Any], cleaned: bool) -> Expectation:
    try:
        expectation = ExpectationConfiguration(**entry).to_domain_obj()
    except (GreatExpectationsError, TypeError, ValueError) as error:
        raise UserError(f"{path}: {entry}: {_line(error)}; correct this expectation") from error
    if not expectation.description or not expectation.notes:
        raise UserError(f"{path}: {entry}: add description (what holds) and notes (what to do when it does not)")
    if not cleaned and (expectation.meta or {}).get("cleaning"):
        expectation.severity = "warning"
    return expectation


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
