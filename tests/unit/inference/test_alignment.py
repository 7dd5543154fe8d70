import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fer.inference.alignment import crop

sides = st.integers(1, 80)
places = st.integers(-100, 100)


def test_crop_without_margin_is_the_box():
    image = np.arange(100 * 80).reshape(100, 80)
    np.testing.assert_array_equal(crop(image, (10, 20, 30, 40)), image[20:60, 10:40])


def test_margin_is_a_share_of_each_side():
    assert crop(np.zeros((100, 80, 3)), (10, 20, 30, 40), margin=0.1).shape == (48, 36, 3)


def test_margin_stops_at_the_edge():
    assert crop(np.zeros((50, 50)), (0, 0, 40, 40), margin=0.5).shape == (50, 50)


@given(sides, sides, places, places, sides, sides, st.floats(0, 2))
def test_crop_of_an_overlapping_box_has_pixels_of_the_image(height, width, x, y, w, h, margin):
    assume(x < width and y < height and x + w > 0 and y + h > 0)
    image = np.arange(height * width).reshape(height, width)
    part = crop(image, (x, y, w, h), margin)
    assert part.size > 0
    assert np.isin(part, image).all()


def test_a_box_outside_the_image_is_refused():
    with pytest.raises(ValueError, match="outside an image of 80x50 pixels"):
        crop(np.zeros((50, 80)), (90, 0, 10, 10))
