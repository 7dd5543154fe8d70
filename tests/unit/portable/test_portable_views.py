"""The views of the compiled step are those of ``fer.training``: the same pixels for the same draws, and even draws."""

import cv2
import numpy as np
import pytest
from keras import ops
from scipy import stats

from fer.portable import views
from fer.recipe import Augmentation
from fer.training import augmentation

ZERO = Augmentation(flip=0, shift=0, rotate=0, scale=0, brightness=0, contrast=0, erase=0)
STRONG = Augmentation(flip=0.5, shift=0.15, rotate=15, scale=0.2, brightness=0.2, contrast=0.3, erase=0.5)
RNG = np.random.default_rng(4)
#: Smooth, as photographs are: on noise, OpenCV's places, which are multiples of 1/32 pixel, show.
FACES = np.stack([cv2.GaussianBlur(RNG.integers(0, 256, (48, 48), dtype=np.uint8), (0, 0), 2) for _ in range(64)])
FACES = np.clip((FACES.astype(int) - 128) * 4 + 128, 0, 255).astype(np.uint8)
ROWS = np.arange(len(FACES), dtype=np.int32)


def drawn(rows: np.ndarray = ROWS, seed: int = 1, epoch: int = 0) -> dict[str, np.ndarray]:
    found = views.uniform(
        views.as_int32(seed), ops.convert_to_tensor(epoch, "int32"), ops.convert_to_tensor(rows, "int32")
    )
    return {name: ops.convert_to_numpy(values) for name, values in found.items()}


class Told:
    """A generator for ``fer.training.augmentation`` that draws what the hash has drawn."""

    def __init__(self, numbers: dict[str, np.ndarray], erase: float):
        self.numbers = numbers
        signed = {name: 2 * values - 1 for name, values in numbers.items()}
        self.randoms = iter([numbers["flip"], numbers["erase"]])
        moves = np.stack([signed["right"], signed["down"]], axis=1)
        self.ranges = iter([moves, signed["angle"], signed["scale"], signed["gain"], signed["offset"]])
        chosen = np.flatnonzero(numbers["erase"] < erase)
        self.shapes = iter([numbers[name][row] for row in chosen for name in ("area", "aspect")])
        self.corners = iter([numbers[name][row] for row in chosen for name in ("top", "left")])

    def random(self, shape: object) -> np.ndarray:
        return next(self.randoms)

    def uniform(self, low: float, high: float, shape: object = None) -> np.ndarray:
        if shape is not None:
            return next(self.ranges)
        return low + (high - low) * float(next(self.shapes))

    def integers(self, high: int) -> int:
        return int(float(next(self.corners)) * high)


def changed(**settings: float) -> Augmentation:
    return ZERO.model_copy(update=settings)


def both(settings: Augmentation) -> tuple[np.ndarray, np.ndarray]:
    """The views of this package and of ``fer.training`` by the same draws."""
    numbers = drawn()
    faces = ops.convert_to_tensor(FACES, "float32")
    here = ops.convert_to_numpy(
        views.augment(faces, settings, {k: ops.convert_to_tensor(v) for k, v in numbers.items()})
    )
    return here, augmentation.augment(FACES, settings, Told(numbers, settings.erase)).astype(float)


@pytest.mark.parametrize("settings", [ZERO, changed(flip=0.5), changed(erase=1), changed(flip=0.5, erase=0.5)])
def test_without_interpolation_the_pixels_are_the_same(settings: Augmentation) -> None:
    here, there = both(settings)
    np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("settings", [{"brightness": 0.2}, {"contrast": 0.3}, {"brightness": 1, "contrast": 0.9}])
def test_light_differs_by_rounding_alone(settings: dict[str, float]) -> None:
    here, there = both(changed(**settings))
    assert np.abs(here - there).max() <= 1
    assert (here != there).mean() < 0.01


@pytest.mark.parametrize(
    "settings",
    [{"shift": 0.15}, {"rotate": 15}, {"scale": 0.2}, {"flip": 1, "shift": 1, "rotate": 180, "scale": 0.9}],
)
def test_moved_pixels_differ_by_opencvs_rounding_of_places_alone(settings: dict[str, float]) -> None:
    here, there = both(changed(**settings))
    assert np.abs(here - there).mean() < 0.5
    assert np.quantile(np.abs(here - there), 0.99) <= 4


def test_all_changes_together_come_in_the_same_order() -> None:
    here, there = both(STRONG)
    # Where a rectangle ends may differ by the rounding of its side, one row of pixels.
    assert np.abs(here - there).mean() < 1
    assert np.median(np.abs(here - there).mean(axis=(1, 2))) < 0.6


def test_constants_are_those_of_the_training() -> None:
    assert views.ERASED_AREA == augmentation.ERASED_AREA
    assert views.ERASED_ASPECT == augmentation.ERASED_ASPECT


def test_draws_are_even_and_independent() -> None:
    numbers = drawn(np.arange(20_000, dtype=np.int32))
    for name, values in numbers.items():
        assert stats.kstest(values, "uniform").pvalue > 1e-4, name
        assert 0 <= values.min() <= values.max() < 1
    table = np.stack(list(numbers.values()))
    together = np.corrcoef(table) - np.eye(len(table))
    assert np.abs(together).max() < 0.04
    neighbours = [np.corrcoef(values[:-1], values[1:])[0, 1] for values in table]
    assert np.abs(neighbours).max() < 0.04


def test_draws_of_epochs_and_seeds_are_independent() -> None:
    rows = np.arange(20_000, dtype=np.int32)
    several = [drawn(rows, seed, epoch)["angle"] for seed in (0, 1, 2**32 - 1) for epoch in (0, 1, 250)]
    together = np.corrcoef(several) - np.eye(len(several))
    assert np.abs(together).max() < 0.04


def test_a_view_is_a_function_of_seed_epoch_and_row() -> None:
    whole, part = drawn(), drawn(ROWS[[7, 3]])
    for name, values in part.items():
        np.testing.assert_array_equal(values, whole[name][[7, 3]])
    assert (drawn(seed=2)["angle"] != whole["angle"]).all()
    assert (drawn(epoch=1)["angle"] != whole["angle"]).all()


def test_the_hash_is_the_same_on_every_backend() -> None:
    """Values that NumPy gives by unsigned arithmetic, which wraps by definition."""

    def mixed(x: np.ndarray) -> np.ndarray:
        x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
        x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
        return x ^ (x >> 16)

    rows, seed, epoch = ROWS.astype(np.uint32), np.uint32(9), np.uint32(5)
    key = np.uint32(0x9E3779B1)
    with np.errstate(over="ignore"):
        numbers = mixed(mixed(mixed(np.full_like(rows, seed)) ^ epoch * key) ^ rows * key)
        found = mixed(numbers ^ np.uint32(0x01000193)) >> 8
    np.testing.assert_array_equal(drawn(seed=9, epoch=5)["flip"], found.astype(np.float32) * np.float32(2**-24))


@pytest.mark.parametrize("alpha", [0.2, 0.4, 1.0])
def test_shares_of_mixup_are_those_of_the_training(alpha: float) -> None:
    own = np.random.default_rng(3).beta(alpha, alpha, 20_000)
    table = views.share_table(alpha)
    assert stats.ks_2samp(table, np.maximum(own, 1 - own)).pvalue > 1e-3
    assert 0.5 <= table.min() <= table.max() <= 1


def test_a_face_is_mixed_with_the_one_before_it() -> None:
    values = np.float32([[1, 0], [0, 1], [0, 0]])
    own = np.float32([1.0, 0.75, 0.5])
    mixed = ops.convert_to_numpy(views.mix(ops.convert_to_tensor(values), ops.convert_to_tensor(own)))
    np.testing.assert_allclose(mixed, [[1, 0], [0.25, 0.75], [0, 0.5]])
