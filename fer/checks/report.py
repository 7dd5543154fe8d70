"""What the checks of a data set found."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class CheckResult:
    """What one expectation found.

    Attributes:
        suite: name of the suite.
        expectation: Great Expectations' type, such as ``expect_column_values_to_be_in_set``.
        description: what holds when the check passes.
        remedy: what to do when it fails.
        columns: the columns that it reads.
        severity: ``critical``, ``warning`` or ``info``.
        success: whether the check passes.
        unexpected: rows that break the expectation; a tolerance (``mostly``) may let a check pass all the same.
        share: ``unexpected`` as a share of the checked rows, 0 to 1.
        rows: names of the first of these rows: source ids, or split and class.
        observed: what a check of a whole column saw instead.
    """

    suite: str
    expectation: str
    description: str
    remedy: str
    columns: tuple[str, ...]
    severity: str
    success: bool
    unexpected: int
    share: float
    rows: tuple[str, ...]
    observed: str | None

    @property
    def found(self) -> str:
        """What breaks the check, in words: how many rows and the first three, or what a whole column shows."""
        if self.observed or not self.unexpected:
            return self.observed or "nothing"
        more = ", ..." if self.unexpected > 3 else ""
        return f"{self.unexpected} ({100 * self.share:.1f} %), such as {', '.join(self.rows[:3])}{more}"


@dataclass(frozen=True)
class SkippedCheck:
    """An optional check that the data set lacks the column for."""

    suite: str
    description: str
    column: str


@dataclass(frozen=True)
class FlawCount:
    """What became of the images in which one kind of flaw was planted.

    ``planted`` = ``removed`` by ingest + ``flagged`` by at least one check + ``missed``. The kind ``""`` stands for the
    images without a planted flaw: its ``flagged`` are false alarms.
    """

    flaw: str
    planted: int
    removed: int
    flagged: int
    missed: int


@dataclass(frozen=True)
class CheckReport:
    """What all suites found in one data set: ``reports/validation.json``."""

    dataset: str
    fingerprint: str
    images: int
    results: tuple[CheckResult, ...]
    skipped: tuple[SkippedCheck, ...]
    flaws: tuple[FlawCount, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that did not pass."""
        return tuple(result for result in self.results if not result.success)

    @property
    def critical_failures(self) -> tuple[CheckResult, ...]:
        """Failed checks that must stop the pipeline."""
        return tuple(result for result in self.failed if result.severity == "critical")

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """Failed checks that are reported, and stop a strict check."""
        return tuple(result for result in self.failed if result.severity == "warning")

    @property
    def remarks(self) -> tuple[CheckResult, ...]:
        """Failed checks that are good to know of, and stop nobody."""
        return tuple(result for result in self.failed if result.severity == "info")

    def failure_message(self) -> str:
        """One line on the first critical failure: what, which rows, how to mend it, and how many more there are.

        Raises:
            ValueError: when no critical check failed.
        """
        if not self.critical_failures:
            raise ValueError("no critical check failed")
        first, *others = self.critical_failures
        rows = ", ".join(first.rows) + (", ..." if first.unexpected > len(first.rows) else "")
        found = first.observed or f"rows that break it: {first.unexpected} ({rows})"
        more = f" ({len(others)} more failed critically, see the report)" if others else ""
        return f"{self.dataset}: failed check: {first.description}: {found}; {first.remedy}{more}"

    def to_json(self) -> str:
        """The report as JSON that depends on the data and the suites alone."""
        summary = {
            "checks": len(self.results),
            "passed": sum(result.success for result in self.results),
            "warnings": len(self.warnings),
            "remarks": len(self.remarks),
            "critical_failures": len(self.critical_failures),
            "skipped": len(self.skipped),
        }
        return json.dumps({"summary": summary} | asdict(self), indent=2, ensure_ascii=False) + "\n"
