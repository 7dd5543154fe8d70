import keras
import numpy as np
import pytest
from tiny_training import RECIPE

from fer.training import precision
from fer.training.precision import faster_precision

FACES = np.zeros((3, 48, 48), np.uint8)


@pytest.mark.parametrize("fast", precision.CHOICES)
def test_the_policy_of_the_faster_step_is_chosen(monkeypatch: pytest.MonkeyPatch, fast: str) -> None:
    monkeypatch.setattr(precision, "_step_seconds", lambda model, *arguments: 1.0 if model == fast else 2.0)
    assert faster_precision(lambda policy: policy, RECIPE, FACES, 3) == fast


def test_steps_of_the_recipes_batch_are_what_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []

    class Model:
        def train_on_batch(self, faces: np.ndarray, targets: np.ndarray) -> None:
            batches.append((faces, targets))

    monkeypatch.setattr(precision, "compile_phase", lambda *arguments, **settings: None)
    chosen = faster_precision(lambda policy: Model(), RECIPE, FACES, 3)
    assert chosen in precision.CHOICES
    assert len(batches) == 2 * (precision.WARM_UP + precision.STEPS)
    for faces, targets in batches:
        assert (faces.shape, faces.dtype) == ((RECIPE.batch_size, 48, 48), np.uint8)
        np.testing.assert_array_equal(targets.sum(axis=1), 1)
    assert keras.config.dtype_policy().name == "float32"
