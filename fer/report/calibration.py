"""Whether models are right as often as they say."""

import pandas as pd

from fer.evaluation.model_folder import ModelFolder

#: Answers whose probability lies here are set beside how many of them are right.
LOW, HIGH = 0.75, 0.85


def calibration_table(folders: list[ModelFolder]) -> pd.DataFrame:
    """A row a model: its temperature, its calibration errors on test, and its answers of some 80 % from one view.

    A temperature that the run's files do not tell is "-".
    """
    lines = []
    for folder in folders:
        labels, probabilities = folder.scored("test")
        stated = probabilities.max(axis=1)
        near = (stated >= LOW) & (stated < HIGH)
        right = (probabilities.argmax(axis=1) == labels)[near]
        temperature = folder.run.get("temperature")
        lines.append(
            {
                "architecture": folder.run["title"],
                "temperature": f"{temperature:.2f}" if temperature else "-",
                "calibration error, one view": f"{folder.metrics['test.ece']:.3f}",
                "ten views": f"{folder.metrics['test_ten_views.ece']:.3f}",
                f"answers of {100 * LOW:.0f} to {100 * HIGH:.0f} %": str(near.sum()),
                "stated": f"{stated[near].mean():.3f}" if near.any() else "-",
                "right": f"{right.mean():.3f}" if near.any() else "-",
            }
        )
    return pd.DataFrame(lines)
