"""The few figures that two runs are compared by, out of all that are measured."""

from collections.abc import Mapping
from typing import Any


def headline_metrics(metrics: Mapping[str, Any], classes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Accuracy and macro-F1 on validation and test, and F1 per class on test.

    Args:
        metrics: flat names, ``<split>.<metric>``; others are ignored.
        classes: of the task.

    Returns:
        ``validation`` and ``test``, each with ``accuracy`` and ``macro_f1``; ``test`` with ``f1.<class>`` too.
    """
    both = ("accuracy", "macro_f1")
    names = {"validation": both, "test": (*both, *(f"f1.{name}" for name in classes))}
    return {split: {name: float(metrics[f"{split}.{name}"]) for name in chosen} for split, chosen in names.items()}
