"""Suites of expectations, read from YAML files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from fer.checks.report import SkippedCheck
from fer.errors import UserError


@dataclass(frozen=True)
class Suite:
    """A suite file, with the optional checks that do not apply taken out.

    Attributes:
        path: the file; its stem is the suite's name.
        table: which table the suite checks.
        expectations: what it expects, in the file's order.
        skipped: optional checks whose column the table lacks.
    """

    path: Path
    table: str
    expectations: tuple[Expectation, ...]
    skipped: tuple[SkippedCheck, ...]

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.path.stem


def load_suites(folder: Path, tables: Mapping[str, pd.DataFrame], cleaned: bool) -> list[Suite]:
    """Read every ``*.yaml`` of a folder, sorted by name.

    Args:
        folder: holds files with ``name`` (the file's own), ``meta.table`` (a key of ``tables``) and ``expectations``,
            as Great Expectations serialises a suite.
        tables: the tables that can be checked.
        cleaned: if false, the checks marked ``meta.cleaning`` become warnings.

    Raises:
        UserError: for a folder without suites, a file that is no suite, or an expectation that Great Expectations
            does not accept (which it would leave out silently) or whose column does not exist.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise UserError(
            f"{folder}: no expectation suite (*.yaml) here; set validate.suites to the folder of the suites"
        )
    return [_load_suite(path, tables, cleaned) for path in paths]


def _load_suite(path: Path, tables: Mapping[str, pd.DataFrame], cleaned: bool) -> Suite:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        name, table, entries = content["name"], content["meta"]["table"], list(content["expectations"])
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a suite ({_line(error)}); it needs name, meta.table and expectations") from error
    if table not in tables or name != path.stem:
        raise UserError(f"{path}: name must be {path.stem} and meta.table one of {', '.join(tables)}")
    expectations, skipped = [], []
    for entry in entries:
        expectation = _expectation(path, entry, cleaned)
        column = getattr(expectation, "column", None)
        if column is None or column in tables[table].columns:
            expectations.append(expectation)
        elif (expectation.meta or {}).get("optional"):
            skipped.append(SkippedCheck(name, expectation.description, column))
        else:
            known = ", ".join(tables[table].columns)
            raise UserError(f"{path}: {expectation.description}: no column {column!r}; use one of {known}")
    return Suite(path, table, tuple(expectations), tuple(skipped))


def _expectation(path: Path, entry: dict[str, object], cleaned: bool) -> Expectation:
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
