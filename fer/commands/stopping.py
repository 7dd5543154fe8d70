"""Work that Ctrl-C or SIGTERM ends in order: what was done until then is finished and kept."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any


class StoppedError(Exception):
    """A signal came while something was waited for."""


@dataclass
class Stopping:
    """The signal that asked to stop; None while nothing did.

    Attributes:
        waiting: whether a signal ends at once what is done now.
    """

    signal: int | None = None
    waiting: bool = False

    @contextmanager
    def at_once(self, waiting: bool = True) -> Iterator[None]:
        """Do what may wait for ever, where it is so.

        Raises:
            StoppedError: when a signal comes.
        """
        self.waiting = waiting
        try:
            if waiting and self.signal:  # it came before
                raise StoppedError
            yield
        finally:
            self.waiting = False

    @property
    def exit_code(self) -> int:
        """As a shell gives it to a program that a signal ended: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal if self.signal else 0


@contextmanager
def stopped_by_signals() -> Iterator[Stopping]:
    """Yield what says when to stop. The second signal does what the first would have done without this."""
    stopping = Stopping()
    former: dict[int, Any] = {}

    def note(number: int, _: FrameType | None) -> None:
        stopping.signal = number
        for each, handler in former.items():
            signal.signal(each, handler)
        if stopping.waiting:
            raise StoppedError

    for number in (int(signal.SIGINT), int(signal.SIGTERM)):
        former[number] = signal.signal(number, note)
    try:
        yield stopping
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
