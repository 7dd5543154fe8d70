"""What a person sees while a network trains: a bar per epoch, then a line."""

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from fer.training.state import Progress

BLOCKS = "▁▂▃▄▅▆▇█"
#: Characters of the curve, and epochs whose mean time foretells the rest.
CURVE, RECENT = 24, 3


def epoch_line(progress: Progress) -> str:
    """The last epoch's figures, the curve of validation accuracy so far and an estimate of the time left."""
    row = progress.history[-1]
    return (
        f"epoch {progress.epochs}/{progress.total}: loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}, "
        f"validation accuracy {row['validation.accuracy']:.3f}, macro-F1 {row['validation.macro_f1']:.3f}  "
        f"{curve([row['validation.accuracy'] for row in progress.history])}  {time_left(progress)}"
    )


def curve(values: list[float]) -> str:
    """Values as blocks from the lowest to the highest, at most 24 of them, each the mean of its stretch."""
    means = [float(part.mean()) for part in np.array_split(values, min(len(values), CURVE))]
    low, span = min(means), (max(means) - min(means)) or 1.0
    return "".join(BLOCKS[round((value - low) / span * (len(BLOCKS) - 1))] for value in means)


def time_left(progress: Progress) -> str:
    """What the missing epochs will take if they take as long as the last ones did."""
    missing = progress.total - progress.epochs
    seconds = missing * float(np.mean(progress.seconds[-RECENT:]))
    if not missing:
        return "done"
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


class EpochBar(keras.callbacks.Callback):
    """A bar over one epoch's batches on a terminal; nothing where output goes to a file."""

    def __init__(self, name: str, progress: Progress, steps: int):
        super().__init__()
        self.bar = Bar(
            TextColumn(f"{name}  epoch {progress.epochs + 1}/{progress.total}"),
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
