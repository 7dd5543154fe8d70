"""What every part of a training brings: the same architecture with one thing changed at a time."""

import pandas as pd

from fer.comparison import intervals
from fer.outputs import ModelFolder
from fer.params import Compare


def ablation_table(trained: dict[str, tuple[str, ModelFolder]], settings: Compare) -> pd.DataFrame:
    """Test accuracy from one view and from ten, with and without images of which train holds a copy: a row a training.

    Args:
        trained: by what differs, the command that trains it and the folder that it leaves; the first is the one that
            the others differ from.
        settings: of the 95 % bootstrap intervals.
    """
    lines = []
    for label, (command, folder) in trained.items():
        ends = intervals(folder.predictions, folder.classes, settings)
        figures = {
            title: f"{folder.metrics[f'{split}.accuracy']:.3f} "
            f"[{ends[f'{split}.accuracy.low']:.3f}, {ends[f'{split}.accuracy.high']:.3f}]"
            for split, title in (
                ("test", "accuracy"),
                ("test_ten_views", "ten views"),
                ("test_without_copies", "without copied images"),
            )
        }
        macro = {"macro-F1": f"{folder.metrics['test.macro_f1']:.3f}"}
        calibration = {"calibration error": f"{folder.metrics['test.ece']:.3f}"}
        about = {"epochs": str(folder.run["epochs"]), "commit": folder.commit[:12], "command": f"`{command}`"}
        lines.append({"training": label} | figures | macro | calibration | about)
    return pd.DataFrame(lines)
