"""Is the data fit to train on? Great Expectations suites over a FaceDataset."""

from fer.checks.report import CheckReport, CheckResult, FlawCount, SkippedCheck
from fer.checks.run import run_checks

__all__ = ["CheckReport", "CheckResult", "FlawCount", "SkippedCheck", "run_checks"]
