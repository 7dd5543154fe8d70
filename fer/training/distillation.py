"""Distillation: a network trained on what an ensemble answers (Hinton, Vinyals and Dean 2015)."""

import hashlib

import numpy as np

from fer.errors import UserError
from fer.job import Teacher


def soft_targets(labels: np.ndarray, answers: np.ndarray, share: float) -> np.ndarray:
    """Targets float32 ``[N, C]`` that are in part the teacher's answers, for the rest the labels.

    Args:
        labels: int64 ``[N]``.
        answers: the teacher's probabilities, float32 ``[N, C]``, to the same images.
        share: of the answers, 0 to 1.

    Raises:
        UserError: where the answers are not to these images.
    """
    if len(answers) != len(labels):
        raise UserError(
            f"the teacher answers {len(answers)} images, the train split has {len(labels)}; run dvc repro ensemble"
        )
    one_hot = np.eye(answers.shape[1], dtype=np.float32)[labels]
    return ((1 - share) * one_hot + share * answers).astype(np.float32)


def teacher_of(answers: np.ndarray, members: str, share: float) -> Teacher:
    """Who gave the answers."""
    return Teacher(share, members, hashlib.sha256(np.ascontiguousarray(answers).tobytes()).hexdigest())
