import keras
import numpy as np
import pytest
from keras import layers

from fer.models.common.network import NETWORK
from fer.recipe import Augmentation, Recipe
from fer.training.batches import QUEUE, Batches, mix
from fer.training.optimizer import ALL, compile_phase
from fer.training.order import class_weights
from fer.training.teaching import ConsistentTeacher

EPOCHS = 12
COUNTS = (40, 10, 3)
LABELS = np.repeat(np.arange(3), COUNTS)
TARGETS = np.eye(3, dtype=np.float32)[LABELS]
#: Every face is constant with its row number as its value, so that a batch tells its rows.
FACES = np.repeat(np.arange(len(LABELS), dtype=np.uint8), 4).reshape(-1, 2, 2)
STILL = Augmentation(flip=0, shift=0, rotate=0, scale=0, brightness=0, contrast=0, erase=0)
MOVING = Augmentation(flip=0.5, shift=0.1, rotate=10, scale=0.1, brightness=0.2, contrast=0.2, erase=0.3)


def recipe(balance: str = "none", batch_size: int = 8, augmentation: Augmentation = STILL, alpha: float = 0) -> Recipe:
    return Recipe.model_validate(
        {
            "pretrained": "none",
            "epochs": 1,
            "head_epochs": 0,
            "head_learning_rate": 0.001,
            "batch_size": batch_size,
            "optimizer": "adam",
            "learning_rate": 0.001,
            "schedule": "cosine",
            "warmup_epochs": 0,
            "weight_decay": 0,
            "ema_decay": 0,
            "label_smoothing": 0,
            "mixup": {"alpha": alpha, "until": 0.5},
            "class_balance": balance,
            "precision": "float32",
            "input_size": 48,
            "augmentation": augmentation,
        }
    )


def epoch_of(settings: Recipe, seed: int = 1, epoch: int = 0) -> list[tuple[np.ndarray, ...]]:
    batches = Batches(FACES, LABELS, TARGETS, settings, seed, epoch, EPOCHS)
    return [batches[index] for index in range(len(batches))]


def rows_of(batches: list[tuple[np.ndarray, ...]]) -> np.ndarray:
    return np.concatenate([faces[:, 0, 0] for faces, _, _ in batches])


def test_every_row_comes_once_with_its_label() -> None:
    batches = epoch_of(recipe())
    rows = rows_of(batches)
    assert sorted(rows) == list(range(len(LABELS)))
    targets = np.concatenate([target for _, target, _ in batches])
    np.testing.assert_array_equal(targets.argmax(axis=1), LABELS[rows])
    np.testing.assert_array_equal(targets.sum(axis=1), 1)


def test_types_and_the_last_short_batch() -> None:
    batches = epoch_of(recipe(batch_size=8))
    assert [len(faces) for faces, _, _ in batches] == [8] * 6 + [5]
    faces, targets, weights = batches[-1]
    assert (faces.dtype, targets.dtype, weights.dtype) == (np.uint8, np.float32, np.float32)
    assert (targets.shape, weights.shape) == ((5, 3), (5,))


@pytest.mark.parametrize("balance", ["none", "weights", "sampling"])
def test_seed_and_epoch_decide_a_batch_whatever_was_asked_before(balance: str) -> None:
    settings = recipe(balance, augmentation=MOVING)
    whole = epoch_of(settings, seed=3, epoch=5)
    alone = Batches(FACES, LABELS, TARGETS, settings, 3, 5, EPOCHS)[4]
    for first, second in zip(whole[4], alone, strict=True):
        np.testing.assert_array_equal(first, second)


def test_another_epoch_or_seed_has_another_order() -> None:
    orders = [tuple(rows_of(epoch_of(recipe(), *key))) for key in ((1, 0), (1, 1), (2, 0), (0, 1))]
    assert len(set(orders)) == 4


def test_another_epoch_augments_a_face_otherwise() -> None:
    faces = np.repeat(np.arange(0, 240, 5, dtype=np.uint8), 48).reshape(1, 48, 48)
    settings = recipe(augmentation=MOVING)
    zero = np.zeros(1, np.int64)
    first, second = (Batches(faces, zero, TARGETS[:1], settings, 1, epoch, EPOCHS)[0][0] for epoch in (0, 1))
    assert (first != second).any()


def test_the_formula_of_class_weights() -> None:
    weights = class_weights(LABELS, 3)
    np.testing.assert_allclose(weights, [53 / (3 * 40), 53 / (3 * 10), 53 / (3 * 3)], rtol=1e-6)
    assert weights[LABELS].mean() == pytest.approx(1)
    assert weights.dtype == np.float32


def test_weights_of_equal_classes_are_one_and_of_an_absent_class_finite() -> None:
    np.testing.assert_array_equal(class_weights(np.array([0, 1, 1, 0]), 2), [1, 1])
    assert np.isfinite(class_weights(np.array([0, 1]), 3)).all()


def test_weighted_classes_have_equal_totals() -> None:
    totals = np.zeros(3)
    for _, targets, weights in epoch_of(recipe("weights")):
        totals += weights @ targets
    np.testing.assert_allclose(totals, 53 / 3, rtol=1e-5)


@pytest.mark.parametrize("balance", ["none", "sampling"])
def test_no_weights_where_they_are_not_asked_for(balance: str) -> None:
    assert all((weights == 1).all() for _, _, weights in epoch_of(recipe(balance)))


def test_sampling_draws_every_class_equally_often() -> None:
    drawn = np.concatenate([LABELS[rows_of(epoch_of(recipe("sampling"), epoch=epoch))] for epoch in range(60)])
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), 1 / 3, atol=0.04)
    assert len(drawn) == 60 * len(LABELS)


BLACK_OR_WHITE = np.repeat(np.array([0, 255], np.uint8), (40, 24)).reshape(-1, 1, 1).repeat(4, axis=1)


def blended(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    code = (BLACK_OR_WHITE[:, 0, 0] > 0).astype(int)
    targets, weights = np.eye(2, dtype=np.float32)[code], np.array([1, 3], np.float32)[code]
    return mix(BLACK_OR_WHITE, targets, weights, 0.4, np.random.default_rng(seed))


def test_a_blend_has_the_same_share_of_face_target_and_weight() -> None:
    faces, targets, weights = blended()
    assert (faces.dtype, targets.dtype, weights.dtype) == (np.uint8, np.float32, np.float32)
    np.testing.assert_allclose(faces[:, 0, 0] / 255, targets[:, 1], atol=0.5 / 255)
    np.testing.assert_allclose(weights, targets @ [1, 3], rtol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_a_blend_is_mostly_the_face_itself_and_some_are_blended() -> None:
    _, targets, _ = blended()
    own = targets[np.arange(len(targets)), (BLACK_OR_WHITE[:, 0, 0] > 0).astype(int)]
    assert (own >= 0.5).all()
    assert (own < 0.99).sum() > 5


def test_blending_stops_after_its_share_of_the_epochs() -> None:
    settings = recipe(alpha=0.4)
    one_hot = [
        all((target.max(axis=1) == 1).all() for _, target, _ in epoch_of(settings, epoch=epoch))
        for epoch in range(EPOCHS)
    ]
    assert one_hot == [False] * 6 + [True] * 6


def test_targets_that_are_no_labels_go_with_their_faces() -> None:
    soft = np.random.default_rng(0).dirichlet(np.ones(3), len(LABELS)).astype(np.float32)
    batches = Batches(FACES, LABELS, soft, recipe("weights"), 1, 0, EPOCHS)
    for faces, targets, weights in (batches[index] for index in range(len(batches))):
        np.testing.assert_array_equal(targets, soft[faces[:, 0, 0]])
        np.testing.assert_array_equal(weights, class_weights(LABELS, 3)[LABELS[faces[:, 0, 0]]])


class Means(keras.callbacks.Callback):
    """The mean loss of an epoch after each of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.losses.append(float(logs["loss"]))


def test_the_first_epoch_of_a_phase_trains_on_every_batch_once_and_in_order() -> None:
    """On JAX and torch Keras would take a batch to build the loss by, and train on those that wait before the rest."""
    network = keras.Sequential([layers.Rescaling(1 / 50), layers.Flatten(), layers.Dense(3, "softmax")], name=NETWORK)
    model = keras.Sequential([keras.Input((2, 2), dtype="uint8"), network])
    settings = recipe(batch_size=1).model_copy(update={"learning_rate": 1e-30, "schedule": "constant"})
    batches = Batches(FACES, LABELS, TARGETS, settings, 1, 0, EPOCHS)
    assert len(batches) > 2 * QUEUE
    # Weights that stay as they are: the losses tell the rows.
    losses = -np.log((model.predict(FACES, verbose=0) * TARGETS).sum(axis=1))
    compile_phase(model, settings, ALL, len(batches))
    means = Means()
    model.fit(batches, shuffle=False, verbose=0, callbacks=[means])
    expected = losses[batches.order].cumsum() / np.arange(1, len(LABELS) + 1)
    np.testing.assert_allclose(means.losses, expected, rtol=1e-4)


@pytest.mark.parametrize("alpha", [0, 0.4])
def test_a_consistent_teacher_predicts_the_views_that_the_student_sees(alpha: float) -> None:
    settings = recipe(augmentation=MOVING, alpha=alpha)

    def predict(views: np.ndarray) -> np.ndarray:
        brightness = views.mean(axis=(1, 2), dtype=np.float32) / 255
        return np.stack([brightness, 1 - brightness, np.zeros_like(brightness)], axis=1)

    teacher = ConsistentTeacher(predict, 0.75)
    for index in range(3):
        taught = Batches(FACES, LABELS, TARGETS, settings, 1, 0, EPOCHS, teacher)[index]
        views, targets, weights = Batches(FACES, LABELS, TARGETS, settings, 1, 0, EPOCHS)[index]
        np.testing.assert_array_equal(taught[0], views)
        np.testing.assert_array_equal(taught[2], weights)
        np.testing.assert_allclose(taught[1], 0.25 * targets + 0.75 * predict(views), rtol=1e-6)
        assert taught[1].dtype == np.float32
