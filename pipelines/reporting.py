"""Lines for the person at the terminal and for the Prefect UI alike."""

from prefect.logging import get_run_logger
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType


def say(line: str) -> None:
    """Print a line and log it to the flow run; styled where the output is a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    # The bar of an architecture that trains at the same time may stand on this line of a terminal.
    console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
    console.print(line, markup=False)
    get_run_logger().info(line)
