"""Whether there is time for one more request: a queue that is bounded by its wait, not by its length."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fer.serving.problems import overloaded

#: Requests that are always let in: a guess is no reason to refuse, and a slow machine must do something.
FREE = 4
#: Seconds after which half of what was measured is forgotten.
HALF_LIFE = 2.0


class Admission:
    """Counts the work inside and measures how fast it leaves; used from one event loop.

    Little's law: what waits, divided by what leaves per second while there is work, is how long a newcomer waits.

    Args:
        longest: wait in seconds from which on newcomers are refused.
        clock: seconds that only grow.
    """

    def __init__(self, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest
        self._clock = clock
        self._inside = 0.0
        self._requests = 0
        self._busy = self._done = 0.0
        self._last = clock()

    @property
    def wait(self) -> float:
        """Seconds that a newcomer would wait, as far as measured."""
        return self._inside * self._busy / self._done if self._done else 0.0

    def check(self) -> None:
        """ApiError 503 where a newcomer would wait too long."""
        if self._requests >= FREE and self.wait > self._longest:
            raise overloaded(math.ceil(self.wait))

    @contextmanager
    def enter(self, work: float) -> Iterator[None]:
        """Do ``work`` (in any unit, the same for all) inside the block; ApiError 503 where it would wait too long."""
        self.check()
        self._pass_time()
        self._inside += work
        self._requests += 1
        try:
            yield
        finally:
            self._pass_time()
            self._inside -= work
            self._requests -= 1
            self._done += work

    def _pass_time(self) -> None:
        now = self._clock()
        passed, self._last = now - self._last, now
        if self._inside > 0:
            keep = 0.5 ** (passed / HALF_LIFE)
            self._busy, self._done = self._busy * keep + passed, self._done * keep
