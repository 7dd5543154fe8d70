import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.errors import UserError
from fer.training.distillation import soft_targets, teacher_of

LABELS = np.array([0, 2, 1])
PREDICTIONS = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0]], np.float32)


def test_a_target_is_the_prediction_and_the_label_by_their_shares() -> None:
    expected = [[0.625, 0.225, 0.15], [0.675, 0.075, 0.25], [0, 1, 0]]
    targets = soft_targets(LABELS, PREDICTIONS, 0.75)
    np.testing.assert_allclose(targets, expected, rtol=1e-6)
    assert targets.dtype == np.float32


@given(st.floats(0, 1))
def test_targets_are_probabilities(share: float) -> None:
    targets = soft_targets(LABELS, PREDICTIONS, share)
    assert (targets >= 0).all()
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_predictions_of_other_images_are_one_line() -> None:
    with pytest.raises(UserError, match=r"3 teacher predictions, 2 images in the train split; run dvc repro ensemble"):
        soft_targets(LABELS[:2], PREDICTIONS, 0.5)


def test_the_teacher_says_who_it_is() -> None:
    teacher = teacher_of(PREDICTIONS, "compact 0.65 (random)", 0.7)
    assert (teacher.share, teacher.members) == (0.7, "compact 0.65 (random)")
    assert teacher.digest == hashlib.sha256(PREDICTIONS.tobytes()).hexdigest()
