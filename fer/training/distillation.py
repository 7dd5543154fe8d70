"""Distillation: a network trained on what an ensemble predicts (Hinton, Vinyals and Dean 2015)."""

import hashlib

import numpy as np

from fer.errors import UserError
from fer.job import Teacher
from fer.training.teaching import blend


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
    return blend(one_hot, predictions, share)


def teacher_of(predictions: np.ndarray, members: str, share: float) -> Teacher:
    """Who predicted them."""
    return Teacher(share, members, hashlib.sha256(np.ascontiguousarray(predictions).tobytes()).hexdigest())
