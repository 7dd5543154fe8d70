"""How far a step of the audit is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Told how many of how many are done.
Steps = Callable[[int, int], None]
#: Opens the progress of a step that has a name.
Progress = Callable[[str], Steps]


def silent(_done: int, _total: int) -> None:
    """Tell nobody."""


def unseen(_name: str) -> Steps:
    """A step that tells nobody."""
    return silent


@contextmanager
def bars() -> Iterator[Progress]:
    """Opens a bar for every step on a terminal; tells nothing where output goes to a file."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    name, share = TextColumn("{task.description:<12}"), TextColumn("{task.percentage:>3.0f} %")
    columns = name, BarColumn(), share, TimeRemainingColumn()
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as shown:

        def opened(name: str) -> Steps:
            task = shown.add_task(name, total=None)
            return lambda done, total: shown.update(task, completed=done, total=total)

        yield opened
