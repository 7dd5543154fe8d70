"""A Prefect server's log: its errors reach the person at the terminal, one line each."""

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

#: The start of a record, as Prefect's own logging.yml formats it.
RECORD = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} \| (?P<level>[A-Z]+) *\| (?P<logger>[\w.]+) - ", re.MULTILINE)
#: A client that ended before its answer: no error of the server.
LEFT = "WebSocketDisconnected"
#: Seconds between two looks at the log.
PAUSE = 2.0


def errors_in(text: str) -> list[str]:
    """Every error of a log as one line: the exception where there is a traceback, else the message."""
    starts = list(RECORD.finditer(text))
    errors = []
    for start, following in zip_longest(starts, starts[1:]):
        if start["level"] in ("ERROR", "CRITICAL"):
            end = following.start() if following else len(text)
            lines = text[start.end() : end].strip().splitlines() or [start["logger"]]
            error = lines[-1] if any(line.startswith("Traceback") for line in lines) else lines[0]
            if LEFT not in error:
                errors.append(error)
    return errors


@contextmanager
def errors_printed(log: Path) -> Iterator[None]:
    """Print every new error of ``log`` to the error stream while the block runs, each kind once."""
    printed: set[str] = set()
    finished = threading.Event()

    def print_new() -> None:
        for error in errors_in(log.read_text(errors="replace")):
            if error not in printed:
                printed.add(error)
                print(f"warning: Prefect server: {error}; see {log}", file=sys.stderr, flush=True)

    def watch() -> None:
        size = 0
        while not finished.wait(PAUSE):
            # A record that is still being written is read at the next look.
            former, size = size, log.stat().st_size
            if size == former:
                print_new()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
        print_new()
