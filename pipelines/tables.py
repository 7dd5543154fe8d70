"""Tables for the person at the terminal and for the Prefect UI alike."""

import pandas as pd
from prefect.artifacts import create_markdown_artifact
from rich.console import Console
from rich.table import Table

from fer.report.tables import markdown

#: Characters of a printed line where the output is no terminal.
WIDTH = 180


def show_table(table: pd.DataFrame, key: str, title: str, description: str) -> None:
    """A table of texts: at the terminal, and as a Prefect artifact with this key."""
    create_markdown_artifact(key=key, markdown=f"## {title}\n\n{markdown(table)}\n", description=description)
    print_table(table, title)


def print_table(table: pd.DataFrame, title: str) -> None:
    """A table of texts at the terminal."""
    view = Table(title=title, title_justify="left")
    for column in map(str, table.columns):
        view.add_column(column, justify="right" if len(view.columns) else "left")
    for row in table.itertuples(index=False):
        view.add_row(*row)
    Console(width=None if Console().is_terminal else WIDTH).print(view)
