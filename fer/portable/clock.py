"""The minutes that a run has, and what they are spent on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTimeError(Exception):
    """The minutes that are left are too few for a job."""


class Clock:
    """Seconds to the end of a run.

    Args:
        minutes: of the run; None for as many as it takes.
        reserve: minutes of them that no training takes: the last job's files are written then.
    """

    def __init__(self, minutes: float | None, reserve: float):
        self.begun = time.monotonic()
        self.end = None if minutes is None else self.begun + 60 * (minutes - reserve)

    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begun

    def left(self) -> float | None:
        """Seconds that a training may take; None where nobody counts."""
        return None if self.end is None else self.end - time.monotonic()


class Spent:
    """Seconds of a job by what they were spent on."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count what a block takes."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - start

    def total(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begun
