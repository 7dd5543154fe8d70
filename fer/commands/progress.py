"""A progress bar on standard error; there is none where that is no terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(
    total: float | None, counted: bool = False, for_programs: bool = False
) -> Iterator[Callable[[float], None]]:
    """Yield a function that moves a bar to so much of ``total``.

    Args:
        total: photos or seconds; without any there is no bar.
        counted: whether the bar shows how many of ``total`` are done, instead of the share.
        for_programs: whether standard output is: a bar on the same terminal would break its lines.
    """
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    if not total or not sys.stderr.isatty() or (for_programs and on_terminal):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = BarColumn(), MofNCompleteColumn() if counted else TaskProgressColumn(), TimeRemainingColumn()
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=on_terminal, redirect_stderr=False
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
