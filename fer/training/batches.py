"""Training batches that depend on nothing but seed, epoch and position, so that a resumed run sees the same ones."""

import math

import keras
import numpy as np

from fer.params import Recipe
from fer.training.augmentation import augment


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """float32 ``[classes]``: weights inverse to frequency, with mean 1 over ``labels`` (King and Zeng 2001)."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


class Batches(keras.utils.PyDataset):
    """One epoch of shuffled, augmented batches: faces uint8 ``[B, 48, 48]``, one-hot ``[B, C]``, weights ``[B]``.

    Args:
        faces: uint8 ``[N, 48, 48]``.
        labels: int64 ``[N]``.
        classes: number of classes.
        recipe: batch size, augmentation, class balance (``sampling`` draws every class equally often).
        seed: of the run.
        epoch: counted from 0 over all phases.
    """

    def __init__(self, faces: np.ndarray, labels: np.ndarray, classes: int, recipe: Recipe, seed: int, epoch: int):
        super().__init__(workers=1)
        self.faces, self.labels, self.recipe = faces, labels, recipe
        self.seed, self.epoch = seed, epoch
        self.targets = np.eye(classes, dtype=np.float32)
        balanced = class_weights(labels, classes)
        self.weights = balanced if recipe.class_balance == "weights" else np.ones(classes, np.float32)
        rng = np.random.default_rng([seed, epoch])
        if recipe.class_balance == "sampling":
            chances = balanced[labels] / balanced[labels].sum(dtype=np.float64)
            self.order = rng.choice(len(labels), len(labels), p=chances)
        else:
            self.order = rng.permutation(len(labels))

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.recipe.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self.order[index * self.recipe.batch_size : (index + 1) * self.recipe.batch_size]
        rng = np.random.default_rng([self.seed, self.epoch, index])
        labels = self.labels[rows]
        faces = augment(self.faces[rows], self.recipe.augmentation, rng)
        return faces, self.targets[labels], self.weights[labels]
