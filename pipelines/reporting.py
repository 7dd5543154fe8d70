"""Lines for the person at the terminal and for the Prefect UI alike."""

from prefect.logging import get_run_logger
from rich.console import Console


def say(line: str) -> None:
    """Print a line and log it to the flow run; styled where the output is a terminal."""
    Console(highlight=False, soft_wrap=True).print(line, markup=False)
    get_run_logger().info(line)
