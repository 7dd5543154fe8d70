"""Training batches made from seed, epoch and position alone, so that a resumed run sees the same ones."""

import math

import keras
import numpy as np

from fer.recipe import Recipe
from fer.training.augmentation import augment
from fer.training.order import blends_in, epoch_order, row_weights
from fer.training.teaching import ConsistentTeacher

#: Threads that make batches, and how many batches may wait.
WORKERS, QUEUE = 2, 16


class Batches(keras.utils.PyDataset):
    """One epoch of shuffled, augmented batches: faces uint8 ``[B, S, S]``, targets ``[B, C]``, weights ``[B]``.

    Batches are made by threads beside the training, which waits for none but where a teacher predicts them.

    Args:
        faces: uint8 ``[N, S, S]``.
        labels: int64 ``[N]``, which the balance of classes goes by.
        targets: float32 ``[N, C]``, rows that sum to 1; mixup blends them.
        recipe: batch size, augmentation, mixup, class balance (``sampling`` draws every class equally often).
        seed: of the run.
        epoch: counted from 0 over all phases.
        epochs: of all phases.
        teacher: has its share in the target of every view.
    """

    def __init__(
        self,
        faces: np.ndarray,
        labels: np.ndarray,
        targets: np.ndarray,
        recipe: Recipe,
        seed: int,
        epoch: int,
        epochs: int,
        teacher: ConsistentTeacher | None = None,
    ):
        super().__init__(workers=WORKERS, max_queue_size=QUEUE)
        self.faces, self.labels, self.targets, self.recipe = faces, labels, targets, recipe
        self.seed, self.epoch, self.teacher = seed, epoch, teacher
        self.blends = blends_in(recipe, epoch, epochs)
        self.weights = row_weights(labels, targets.shape[1], recipe)
        self.order = epoch_order(labels, targets.shape[1], recipe, seed, epoch)

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.recipe.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self.order[index * self.recipe.batch_size : (index + 1) * self.recipe.batch_size]
        rng = np.random.default_rng([self.seed, self.epoch, index])
        batch = augment(self.faces[rows], self.recipe.augmentation, rng), self.targets[rows], self.weights[rows]
        if self.blends:
            batch = mix(*batch, self.recipe.mixup.alpha, rng)
        views, targets, weights = batch
        return views, self.teacher.targets(views, targets) if self.teacher else targets, weights


def mix(
    faces: np.ndarray, targets: np.ndarray, weights: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blend every face, its target and its weight with those of a partner in the batch (Zhang et al. 2018).

    Args:
        faces: uint8 ``[B, H, W]``.
        targets: float32 ``[B, C]``.
        weights: float32 ``[B]``.
        alpha: shares are drawn from Beta(alpha, alpha); the larger one is the face's own.
        rng: the only source of randomness.
    """
    own = rng.beta(alpha, alpha, len(faces)).astype(np.float32)
    own = np.maximum(own, 1 - own)
    partners = rng.permutation(len(faces))

    def blend(values: np.ndarray) -> np.ndarray:
        share = own.reshape(-1, *[1] * (values.ndim - 1))
        return share * values + (1 - share) * values[partners]

    return np.rint(blend(faces)).astype(np.uint8), blend(targets), blend(weights)
