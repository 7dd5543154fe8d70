"""Which rows an epoch trains on, in which order and with which weight: functions of seed and epoch alone."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # an accelerator's machine need not have pydantic
    from fer.recipe import Recipe


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """float32 ``[classes]``: weights inverse to frequency, with mean 1 over ``labels`` (King and Zeng 2001)."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def row_weights(labels: np.ndarray, classes: int, recipe: "Recipe") -> np.ndarray:
    """float32 ``[N]``: every row's weight in the loss."""
    if recipe.class_balance == "weights":
        return class_weights(labels, classes)[labels]
    return np.ones(len(labels), np.float32)


def epoch_order(labels: np.ndarray, classes: int, recipe: "Recipe", seed: int, epoch: int) -> np.ndarray:
    """int64 ``[N]``: the rows in an epoch's order; with ``sampling``, rows of every class equally often."""
    rng = np.random.default_rng([seed, epoch])
    if recipe.class_balance == "sampling":
        chances = class_weights(labels, classes)[labels]
        return rng.choice(len(labels), len(labels), p=chances / chances.sum(dtype=np.float64))
    return rng.permutation(len(labels))


def blends_in(recipe: "Recipe", epoch: int, epochs: int) -> bool:
    """Whether mixup blends the faces of an epoch, counted from 0 over the epochs of all phases."""
    return recipe.mixup.alpha > 0 and epoch < recipe.mixup.until * epochs
