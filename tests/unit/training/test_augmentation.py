import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fer.recipe import Augmentation
from fer.training.augmentation import augment

NONE = Augmentation(flip=0, shift=0, rotate=0, scale=0, brightness=0, contrast=0, erase=0)
STRONG = Augmentation(flip=0.5, shift=0.1, rotate=12, scale=0.1, brightness=0.2, contrast=0.2, erase=0.5)

FACES = np.random.default_rng(0).integers(0, 256, (12, 48, 48), dtype=np.uint8)
SETTINGS = st.builds(
    Augmentation,
    flip=st.floats(0, 1),
    shift=st.floats(0, 1),
    rotate=st.floats(0, 180),
    scale=st.floats(0, 0.99),
    brightness=st.floats(0, 1),
    contrast=st.floats(0, 0.99),
    erase=st.floats(0, 1),
)


def changed(**settings: float) -> Augmentation:
    return NONE.model_copy(update=settings)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_zero_settings_give_the_faces_back() -> None:
    out = augment(FACES, NONE, rng())
    np.testing.assert_array_equal(out, FACES)
    assert out is not FACES


def test_the_faces_given_stay_as_they_were() -> None:
    before = FACES.copy()
    augment(FACES, STRONG, rng())
    np.testing.assert_array_equal(FACES, before)


def test_a_certain_flip_mirrors_every_face() -> None:
    np.testing.assert_array_equal(augment(FACES, changed(flip=1), rng()), FACES[:, :, ::-1])


def test_a_flip_by_half_mirrors_about_half() -> None:
    faces = np.repeat(FACES[:1], 1000, axis=0)
    mirrored = (augment(faces, changed(flip=0.5), rng()) == FACES[0, :, ::-1]).all(axis=(1, 2))
    assert 430 < mirrored.sum() < 570


@given(arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=9)), SETTINGS, st.integers(0, 2**32 - 1))
def test_shape_type_and_determinism(faces: np.ndarray, settings: Augmentation, seed: int) -> None:
    first, second = (augment(faces, settings, rng(seed)) for _ in range(2))
    assert (first.shape, first.dtype) == (faces.shape, np.uint8)
    np.testing.assert_array_equal(first, second)


def test_another_seed_changes_the_faces() -> None:
    assert (augment(FACES, STRONG, rng(1)) != augment(FACES, STRONG, rng(2))).any(axis=(1, 2)).all()


def test_every_face_is_changed_by_itself() -> None:
    out = augment(np.repeat(FACES[:1], 12, axis=0), STRONG, rng())
    assert len(np.unique(out.reshape(12, -1), axis=0)) == 12


@given(st.integers(0, 255), st.integers(0, 100))
def test_geometry_keeps_a_constant_image(value: int, seed: int) -> None:
    face = np.full((1, 48, 48), value, np.uint8)
    np.testing.assert_array_equal(augment(face, changed(rotate=180, shift=1, scale=0.9), rng(seed)), face)


def test_geometry_stays_within_the_image_values() -> None:
    faces = rng(5).integers(90, 110, (20, 48, 48), dtype=np.uint8)
    out = augment(faces, changed(rotate=30, shift=0.2, scale=0.3), rng())
    assert out.min() >= 90
    assert out.max() <= 109


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_a_shift_moves_by_at_most_its_share_of_the_width(share: float) -> None:
    faces = np.zeros((300, 48, 48), np.uint8)
    faces[:, 22:26, 22:26] = 200
    out = augment(faces, changed(shift=share), rng()).astype(float)
    grid = np.arange(48)
    moves = np.array([[(out.sum(axis=axis) @ grid) / out.sum(axis=(1, 2)) - 23.5] for axis in (1, 2)])
    # warpAffine interpolates on a grid of 1/32 pixel
    assert np.abs(moves).max() <= share * 48 + 1 / 16
    assert np.abs(moves).max() > 0.9 * share * 48
    assert moves.min() < 0 < moves.max()


def test_brightness_moves_the_mean_within_its_range_and_keeps_the_contrast() -> None:
    faces = rng(1).integers(110, 146, (400, 8, 8), dtype=np.uint8)
    out = augment(faces, changed(brightness=0.2), rng())
    moves = out.mean(axis=(1, 2)) - faces.mean(axis=(1, 2))
    assert np.abs(moves).max() <= 0.2 * 255 + 0.5
    assert moves.min() < -45
    assert moves.max() > 45
    assert np.abs(out.std(axis=(1, 2)) - faces.std(axis=(1, 2))).max() < 0.5


def test_contrast_scales_about_the_mean_within_its_range() -> None:
    faces = rng(1).integers(80, 176, (400, 16, 16), dtype=np.uint8)
    out = augment(faces, changed(contrast=0.3), rng())
    ratios = out.std(axis=(1, 2)) / faces.std(axis=(1, 2))
    assert 0.69 < ratios.min() < 0.75
    assert 1.25 < ratios.max() < 1.31
    assert np.abs(out.mean(axis=(1, 2)) - faces.mean(axis=(1, 2))).max() < 1


def test_bright_pixels_saturate_and_do_not_wrap_around() -> None:
    white = np.full((200, 4, 4), 250, np.uint8)
    out = augment(white, changed(brightness=0.2), rng())
    assert out.max() == 255
    assert out.min() >= 250 - 0.2 * 255 - 1


def test_no_faces() -> None:
    assert augment(FACES[:0], STRONG, rng()).shape == (0, 48, 48)


def test_erasing_fills_one_rectangle_of_the_chosen_faces_with_their_mean() -> None:
    faces = np.repeat(rng(3).choice(np.array([10, 210], np.uint8), (1, 48, 48)), 400, axis=0)
    out = augment(faces, changed(erase=0.5), rng())
    changes = out != faces
    erased = changes.any(axis=(1, 2))
    assert 150 < erased.sum() < 250
    for face, change in zip(out[erased], changes[erased], strict=True):
        rows, columns = np.flatnonzero(change.any(axis=1)), np.flatnonzero(change.any(axis=0))
        box = change[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert box.all()
        assert set(face[change]) == {round(faces[0].mean())}
        assert 0.01 < box.size / 48**2 < 0.22
