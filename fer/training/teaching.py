"""How a teacher's predictions enter the targets."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ConsistentTeacher:
    """A teacher that predicts the very view that the student sees, augmentation and mixup included.

    Beyer et al. 2022, Knowledge distillation: A good teacher is patient and consistent.

    Attributes:
        predict: faces uint8 ``[B, S, S]`` to probabilities float32 ``[B, C]``; called by several threads.
        share: of its predictions in a target, 0 to 1; the label, or mixup's blend of two, has the rest.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    share: float

    def targets(self, views: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The targets float32 ``[B, C]`` of the views uint8 ``[B, S, S]``, given those of their labels."""
        return blend(targets, self.predict(views), self.share)


def blend(targets: np.ndarray, predictions: np.ndarray, share: float) -> np.ndarray:
    """Targets float32 ``[N, C]`` of which ``share`` is the teacher's predictions ``[N, C]``."""
    return ((1 - share) * targets + share * predictions).astype(np.float32)
