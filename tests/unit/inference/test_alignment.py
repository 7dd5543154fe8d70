import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.inference.alignment import LEVEL, MOST_SIDE, aligned_face, correction, square
from fer.inference.detection import Detection
from fer.inference.resize import to_face

RNG = np.random.default_rng(2)
SMOOTH = cv2.resize(RNG.integers(0, 256, (8, 8), np.uint8), (300, 300), interpolation=cv2.INTER_CUBIC)


def with_eyes(box: tuple[int, int, int, int], roll: float = 0.0) -> Detection:
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    step = np.array([np.cos(np.radians(roll)), np.sin(np.radians(roll))]) * box[2] / 4
    return Detection(box, 0.9, ((x - step[0], y - step[1]), (x + step[0], y + step[1]), *[(x, y)] * 3))


@given(
    *[st.integers(1, 80)] * 4,
    *[st.floats(0, 1)] * 2,
    st.sampled_from([None, 0.0, 17.0, -90.0]),
    st.sampled_from([(), (3,), (4,)]),
)
def test_a_face_of_any_overlapping_box_has_48_pixels_of_the_image(height, width, w, h, across, down, roll, channels):
    x, y = 1 - w + round(across * (width + w - 2)), 1 - h + round(down * (height + h - 2))
    image = RNG.integers(100, 131, (height, width, *channels), np.uint8)
    detection = Detection((x, y, w, h)) if roll is None else with_eyes((x, y, w, h), roll)
    face = aligned_face(image, detection)
    assert (face.shape, face.dtype) == ((48, 48), np.uint8)
    # Between the darkest and the lightest pixel; OpenCV's cubics, which enlarge small faces, overshoot by up to 0.45.
    assert face.min() >= 100 - 0.45 * 30
    assert face.max() <= 130 + 0.45 * 30


@pytest.mark.parametrize("side", [5, 48, 100, 192])
def test_an_upright_square_inside_the_image_is_a_slice_of_it(side):
    np.testing.assert_array_equal(
        square(SMOOTH, (100, 110), side)[5:, 5:], SMOOTH[slice_of(110, side), slice_of(100, side)][5:, 5:]
    )


def slice_of(centre: int, side: int) -> slice:
    return slice(centre - side // 2, centre - side // 2 + side)


def test_a_box_around_a_whole_face_gives_it_back_byte_for_byte():
    face = RNG.integers(0, 256, (48, 48), np.uint8)
    np.testing.assert_array_equal(aligned_face(face, Detection((0, 0, 48, 48))), face)


def test_a_box_of_the_callers_is_widened_to_a_square_and_not_squashed():
    image = np.zeros((200, 200), np.uint8)
    cv2.circle(image, (100, 100), 20, 255, -1)
    ys, xs = np.nonzero(aligned_face(image, Detection((75, 50, 50, 100))) > 128)
    assert abs(int(np.ptp(xs)) - int(np.ptp(ys))) <= 1


def test_beyond_the_edge_the_border_is_repeated():
    image = np.full((100, 100), 200, np.uint8)
    image[:, 50:] = 100
    face = aligned_face(image, Detection((60, 60, 80, 80)))
    np.testing.assert_array_equal(face, np.full((48, 48), 100))


@given(st.floats(-40, 40), st.floats(40, 120))
def test_a_turned_picture_gives_the_same_face(roll, side):
    level = square(SMOOTH, (150, 150), side)
    turn = cv2.getRotationMatrix2D((149.5, 149.5), -roll, 1)
    turned = cv2.warpAffine(SMOOTH, turn, (300, 300), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(to_face(square(turned, (150, 150), side, roll)).astype(int) - to_face(level)).mean() < 3


@given(st.floats(1, 8), st.floats(60, 140))
def test_an_enlarged_picture_gives_the_same_face(scale, side):
    large = cv2.resize(SMOOTH, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    across = large.shape[1] / 300
    face = to_face(square(SMOOTH, (140, 150), side))
    other = to_face(square(large, (140 * across, 150 * across), side * across))
    assert np.abs(face.astype(int) - other).mean() < 3


def test_large_faces_are_averaged_and_not_skipped_through():
    stripes = np.zeros((2000, 2000), np.uint8)
    stripes[:, ::2] = 200
    part = square(stripes, (1000, 1000), 1920)
    assert part.shape == (MOST_SIDE, MOST_SIDE)
    np.testing.assert_allclose(part, np.full_like(part, 100), atol=1)


def test_a_box_of_any_size_takes_no_time_and_no_memory():
    start = time.process_time()
    face = aligned_face(SMOOTH, Detection((-(10**9), -(10**9), 2 * 10**9 + 100, 2 * 10**9 + 100)))
    assert face.shape == (48, 48)
    assert time.process_time() - start < 0.1


@given(st.floats(-180, 180))
def test_the_correction_grows_evenly_from_none_to_all(roll):
    turned = correction(roll)
    assert abs(turned) <= abs(roll)
    assert turned == 0 if abs(roll) <= LEVEL else turned * roll > 0
    assert abs(roll) < 2 * LEVEL or turned == roll
    assert abs(correction(roll + 0.1) - turned) <= 0.2001


@pytest.mark.parametrize("box", [(90, 0, 10, 10), (-10, 0, 10, 10), (0, 50, 5, 5), (3, 3, 0, 5), (3, 3, 5, -1)])
def test_a_box_outside_the_image_is_refused(box):
    with pytest.raises(ValueError, match="outside an image of 80x50 pixels"):
        aligned_face(np.zeros((50, 80), np.uint8), Detection(box))
