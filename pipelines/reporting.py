"""Lines for the person at the terminal and for the Prefect UI alike."""

import pandas as pd
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.table import Table

from fer.report.tables import markdown

#: Characters of a printed table's line where the output is no terminal.
WIDTH = 180


def say(line: str) -> None:
    """Print a line and log it to the flow run; styled where the output is a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    # The bar of an architecture that trains at the same time may stand on this line of a terminal.
    console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
    console.print(line, markup=False)
    get_run_logger().info(line)


def show_table(table: pd.DataFrame, key: str, title: str) -> None:
    """A table of texts for people: at the terminal, and as a Prefect artifact with this key."""
    create_markdown_artifact(key=key, markdown=f"## {title}\n\n{markdown(table)}\n", description=title)
    view = Table(title=title, title_justify="left")
    for column in map(str, table.columns):
        view.add_column(column, justify="right" if len(view.columns) else "left")
    for row in table.itertuples(index=False):
        view.add_row(*row)
    Console(width=None if Console().is_terminal else WIDTH).print(view)
