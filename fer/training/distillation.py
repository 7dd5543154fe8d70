"""Distillation: a network trained on what other networks predict (Hinton, Vinyals and Dean 2015)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fer.errors import UserError
from fer.job import Teacher


def soft_targets(labels: np.ndarray, predictions: np.ndarray, share: float) -> np.ndarray:
    """Targets float32 ``[N, C]`` that are in part the teacher's predictions, for the rest the labels.

    Args:
        labels: int64 ``[N]``.
        predictions: the teacher's probabilities, float32 ``[N, C]``, of the same images.
        share: of the predictions, 0 to 1.

    Raises:
        UserError: where the predictions are not of these images.
    """
    if len(predictions) != len(labels):
        raise UserError(
            f"{len(predictions)} teacher predictions, {len(labels)} images in the train split; run dvc repro ensemble"
        )
    one_hot = np.eye(predictions.shape[1], dtype=np.float32)[labels]
    return _blend(one_hot, predictions, share)


@dataclass(frozen=True)
class PatientTeacher:
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
        return _blend(targets, self.predict(views), self.share)


def teacher_of(predictions: np.ndarray, members: str, share: float) -> Teacher:
    """Who predicted them."""
    return Teacher(share, members, hashlib.sha256(np.ascontiguousarray(predictions).tobytes()).hexdigest())


def _blend(targets: np.ndarray, predictions: np.ndarray, share: float) -> np.ndarray:
    return ((1 - share) * targets + share * predictions).astype(np.float32)
