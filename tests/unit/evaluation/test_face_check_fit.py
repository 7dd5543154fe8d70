import numpy as np
import pytest
from face_datasets import small_dataset
from trained_models import PARAMS

from fer.data.dataset import FaceDataset
from fer.data.ingest import build_dataset
from fer.data.nonfaces import draw_nonfaces
from fer.evaluation.face_check import REFUSED, fit_face_check
from fer.params import load_params


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    data = load_params(PARAMS).data
    return build_dataset(data.model_copy(update={"sample": data.sample.model_copy(update={"images": 1500})}))[0]


def test_a_check_fitted_to_drawn_faces_knows_them_from_noise_and_patterns(dataset: FaceDataset):
    check = fit_face_check(dataset)
    assert check is not None
    held_out = np.asarray(dataset.images[dataset.rows("test")])
    assert check.is_face(held_out).mean() > 0.95
    validation = check.is_face(np.asarray(dataset.images[dataset.rows("validation")]))
    assert validation.mean() == pytest.approx(1 - REFUSED, abs=0.01)
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, (100, 48, 48), np.uint8)
    stripes = np.stack([np.tile(255 * (np.arange(48) // width % 2), (48, 1)) for width in range(2, 12)])
    blank = np.full((1, 48, 48), 90)
    for images in (noise, stripes, stripes.transpose(0, 2, 1), blank):
        assert not check.is_face(images.astype(np.uint8)).any()


def test_the_same_faces_give_the_same_check(dataset: FaceDataset):
    assert fit_face_check(dataset) == fit_face_check(dataset)


def test_few_faces_give_no_check():
    assert fit_face_check(small_dataset(train=2, held_out=2)) is None


def test_images_that_are_no_faces_are_of_every_kind_and_repeat():
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    images = draw_nonfaces(faces, 25, seed=1)
    assert (images.shape, images.dtype) == ((25, 48, 48), np.uint8)
    np.testing.assert_array_equal(images, draw_nonfaces(faces, 25, seed=1))
    assert len(np.unique(images.reshape(25, -1), axis=0)) == 25
