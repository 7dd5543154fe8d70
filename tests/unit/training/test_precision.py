import numpy as np
import pytest
from tiny_training import RECIPE

from fer.training import precision
from fer.training.precision import FULL, MIXED, STEPS, WARM_UP, faster_precision

FACES = np.zeros((3, 48, 48), np.uint8)


class Model:
    """Counts its steps and keeps their batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[np.ndarray, np.ndarray]] = []

    def train_on_batch(self, faces: np.ndarray, targets: np.ndarray) -> None:
        self.batches.append((faces, targets))


@pytest.fixture(autouse=True)
def no_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "compile_phase", lambda *arguments, **settings: None)


@pytest.mark.parametrize(("mixed", "chosen"), [(0.5, MIXED), (0.89, MIXED), (0.95, FULL), (1.5, FULL)])
def test_bfloat16_must_save_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch, mixed: float, chosen: str) -> None:
    seconds = {FULL: 1.0, MIXED: mixed}
    monkeypatch.setattr(precision, "_step_seconds", lambda model, *arguments: seconds[model])
    assert faster_precision(lambda policy: policy, RECIPE, FACES, 3) == chosen


def test_steps_of_the_recipes_batch_are_what_is_timed() -> None:
    models: dict[str, Model] = {}

    def build(policy: str) -> Model:
        models[policy] = Model()
        return models[policy]

    assert faster_precision(build, RECIPE, FACES, 3) in models
    assert set(models) == {FULL, MIXED}
    for model in models.values():
        assert len(model.batches) == WARM_UP + STEPS
        for faces, targets in model.batches:
            assert (faces.shape, faces.dtype) == ((RECIPE.batch_size, 48, 48), np.uint8)
            np.testing.assert_array_equal(targets.sum(axis=1), 1)
