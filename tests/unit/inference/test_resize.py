import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.inference.resize import to_face


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([(), (3,), (4,)]))
def test_every_shape_becomes_a_face(height, width, channels):
    face = to_face(np.full((height, width, *channels), 90, np.uint8))
    assert (face.shape, face.dtype) == ((48, 48), np.uint8)
    assert abs(int(face.mean()) - 90) <= 1


def test_shrinking_averages_and_does_not_skip_pixels():
    stripes = np.zeros((480, 480), np.uint8)
    stripes[:, ::2] = 200
    np.testing.assert_array_equal(to_face(stripes), np.full((48, 48), 100))


def test_colour_is_weighted_as_bgr():
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 2] = 255
    assert np.unique(to_face(red)).tolist() == [76]


@pytest.mark.parametrize("image", [np.zeros((48, 48)), np.zeros((0, 9), np.uint8), np.zeros((9, 9, 2), np.uint8)])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="image must be"):
        to_face(image)
