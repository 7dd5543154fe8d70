"""What a person sees while a network trains: a bar per epoch, then a line."""

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class EpochBar(keras.callbacks.Callback):
    """A bar over one epoch's batches on a terminal; nothing where output goes to a file."""

    def __init__(self, name: str, epoch: int, epochs: int, steps: int):
        super().__init__()
        self.bar = Progress(
            TextColumn(f"{name}  epoch {epoch}/{epochs}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  accuracy {task.fields[accuracy]:.3f}"),
            TimeRemainingColumn(),
            transient=True,
            console=Console(),
            disable=not Console().is_terminal,
        )
        self.task = self.bar.add_task("", total=steps, loss=float("nan"), accuracy=float("nan"))

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Show the bar."""
        self.bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar on."""
        if not self.bar.disable:
            logs = logs or {}
            self.bar.update(self.task, completed=batch + 1, loss=logs["loss"], accuracy=logs["accuracy"])

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Clear the bar."""
        self.bar.stop()
