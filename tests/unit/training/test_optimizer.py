from collections.abc import Iterator

import keras
import numpy as np
import pytest
from pydantic import ValidationError
from tiny_known import tiny_known
from tiny_training import CLASSES, RECIPE

from fer.models.common.network import build_classifier
from fer.models.common.registry import get_architecture
from fer.recipe import Recipe
from fer.training.optimizer import compile_phase, layer_rates

STEPS = 10


@pytest.fixture(autouse=True)
def tiny() -> Iterator[None]:
    with tiny_known():
        yield


def compiled(phase: str = "all", **changes: object) -> keras.Model:
    recipe: Recipe = RECIPE.model_copy(update=changes)
    keras.utils.set_random_seed(1)
    model = build_classifier(get_architecture("tiny"), len(CLASSES), 32, "unit")
    compile_phase(model, recipe, phase, STEPS)
    return model


def rates(model: keras.Model, epochs: int) -> np.ndarray:
    schedule = model.optimizer._learning_rate
    return np.array([float(schedule(step)) for step in range(epochs * STEPS + 1)])


def test_a_warm_up_then_a_cosine_down_to_zero() -> None:
    found = rates(compiled(epochs=5, warmup_epochs=1, learning_rate=0.1), 5)
    assert found[0] == pytest.approx(0.01)
    assert found.argmax() == STEPS
    assert found[STEPS] == pytest.approx(0.1)
    assert found[3 * STEPS] == pytest.approx(0.05)
    assert found[-1] == pytest.approx(0, abs=1e-6)


def test_a_constant_rate_stays_at_its_peak() -> None:
    found = rates(compiled(epochs=5, warmup_epochs=1, learning_rate=0.1, schedule="constant"), 5)
    np.testing.assert_allclose(found[STEPS:], 0.1, rtol=1e-6)


def test_the_head_has_a_rate_of_its_own_and_a_frozen_backbone() -> None:
    head, whole = compiled("head", head_epochs=2, head_learning_rate=0.5), compiled("all")
    assert rates(head, 2)[0] == pytest.approx(0.5)
    assert len(head.trainable_variables) == 2 < len(whole.trainable_variables)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_weight_decay_shrinks_kernels_and_nothing_else(optimizer: str) -> None:
    """Without a gradient, what moves a weight is its decay: one step takes learning_rate * weight_decay of it."""
    model = compiled(
        optimizer=optimizer, learning_rate=0.1, schedule="constant", warmup_epochs=0, weight_decay=0.5, ema_decay=0
    )
    before = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.apply([keras.ops.zeros_like(variable) for variable in model.trainable_variables])
    for variable, old in zip(model.trainable_variables, before, strict=True):
        share = 0.95 if old.ndim > 1 else 1
        np.testing.assert_allclose(variable.numpy(), share * old, rtol=1e-5)


def test_an_average_follows_the_weights() -> None:
    model = compiled(ema_decay=0.5, learning_rate=1.0, schedule="constant", warmup_epochs=0, weight_decay=0)
    variables = model.trainable_variables
    values = []
    for _ in range(3):
        model.optimizer.apply([keras.ops.ones_like(variable) for variable in variables])
        values.append(variables[0].numpy())
    model.optimizer.finalize_variable_values(variables)
    expected = 0.5 * (0.5 * values[0] + 0.5 * values[1]) + 0.5 * values[2]
    np.testing.assert_allclose(variables[0].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_early_layers_of_a_backbone_learn_and_decay_slower(optimizer: str) -> None:
    """The first layer has its share of the rate, the head all of it, and layers between them lie between."""
    model = compiled(
        optimizer=optimizer, learning_rate=0.1, schedule="constant", warmup_epochs=0, weight_decay=0.5, ema_decay=0,
        first_layer_rate=0.04,
    )  # fmt: skip
    shares = layer_rates(model, 0.04)
    assert shares[0] == pytest.approx(0.04)
    assert shares[-2:] == [1.0, 1.0]
    assert shares == sorted(shares)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.apply([keras.ops.zeros_like(variable) for variable in model.trainable_variables])
    for variable, old, share in zip(model.trainable_variables, before, shares, strict=True):
        kept = 1 - 0.05 * share if old.ndim > 1 else 1
        np.testing.assert_allclose(variable.numpy(), kept * old, rtol=1e-5)
    assert layer_rates(compiled("head"), 0.04) == [1.0, 1.0]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_kernels_take_the_steps_of_keras(optimizer: str, decay: float) -> None:
    steady = {"learning_rate": 0.01, "schedule": "constant", "warmup_epochs": 0, "weight_decay": decay}
    model = compiled(optimizer=optimizer, ema_decay=0.5, **steady)
    mine = model.trainable_variables
    theirs = [keras.Variable(variable.numpy()) for variable in mine]
    shared = {"weight_decay": decay or None, "use_ema": True, "ema_momentum": 0.5}
    keras_own = (
        keras.optimizers.Adam(0.01, **shared)
        if optimizer == "adam"
        else keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, **shared)
    )
    keras_own.exclude_from_weight_decay([variable for variable in theirs if len(variable.shape) < 2])
    keras_own.build(theirs)
    rng = np.random.default_rng(0)
    for _ in range(5):
        gradients = [rng.normal(size=variable.shape).astype(np.float32) for variable in mine]
        for one, variables in ((model.optimizer, mine), (keras_own, theirs)):
            one.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], variables)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_gradients_are_taken_ahead_of_the_weights_along_their_momentum() -> None:
    """Against algorithm 1 of Becker et al. 2024 in NumPy, with Keras' Nesterov momentum, on the loss |w|^2 / 2."""
    radius, rate, momentum = 0.5, 0.1, 0.9
    model = compiled(
        optimizer="sgd",
        learning_rate=rate,
        schedule="constant",
        warmup_epochs=0,
        weight_decay=0,
        ema_decay=0.5,
        sharpness_radius=radius,
    )
    variables = model.trainable_variables
    weights = [variable.numpy() for variable in variables]
    seen, averages, velocity = list(weights), list(weights), [np.zeros_like(weight) for weight in weights]
    for step in range(3):
        model.optimizer.apply([keras.ops.convert_to_tensor(variable.numpy()) for variable in variables])
        velocity = [momentum * v - rate * g for v, g in zip(velocity, seen, strict=True)]
        weights = [w + momentum * v - rate * g for w, v, g in zip(weights, velocity, seen, strict=True)]
        averages = [0.5 * a + 0.5 * w if step else w for a, w in zip(averages, weights, strict=True)]
        norm = np.sqrt(sum((v**2).sum() for v in velocity))
        seen = [w + radius * v / norm for w, v in zip(weights, velocity, strict=True)]
        for variable, expected in zip(variables, seen, strict=True):
            np.testing.assert_allclose(variable.numpy(), expected, atol=1e-5)
    model.optimizer.finalize_variable_values(variables)
    for variable, expected in zip(variables, averages, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected, atol=1e-5)


def test_a_head_alone_is_not_moved_ahead() -> None:
    """The defect: the next phase, with an optimizer of its own, began from the weights so moved."""
    head = compiled("head", optimizer="sgd", weight_decay=0, ema_decay=0.5, sharpness_radius=2.0)
    plain = compiled("head", optimizer="sgd", weight_decay=0, ema_decay=0.5, sharpness_radius=0.0)
    for model in (head, plain):
        model.optimizer.apply([keras.ops.ones_like(variable) for variable in model.trainable_variables])
    for ahead, variable in zip(head.trainable_variables, plain.trainable_variables, strict=True):
        np.testing.assert_array_equal(ahead.numpy(), variable.numpy())


@pytest.mark.parametrize("changes", [{"optimizer": "adam"}, {"ema_decay": 0}])
def test_only_sgd_with_an_average_looks_ahead(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="must be 0 but for optimizer sgd with an ema_decay"):
        Recipe.model_validate(RECIPE.model_dump() | changes | {"sharpness_radius": 1.0})


def test_without_a_gradient_nothing_moves() -> None:
    model = compiled(optimizer="sgd", weight_decay=0, ema_decay=0.5, sharpness_radius=1.0)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.apply([keras.ops.zeros_like(variable) for variable in model.trainable_variables])
    for variable, old in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
