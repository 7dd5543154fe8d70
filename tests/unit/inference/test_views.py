import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from fer.inference.views import SHIFT, ten_views

FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)


def test_the_centres_of_the_views_are_the_ten_crops() -> None:
    crops = {view[:, SHIFT:-SHIFT, SHIFT:-SHIFT].tobytes() for view in ten_views(FACES)}
    starts = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    expected = {FACES[:, top : top + 44, left : left + 44].tobytes() for top, left in starts}
    expected |= {FACES[:, top : top + 44, left : left + 44][:, :, ::-1].tobytes() for top, left in starts}
    assert crops == expected
    assert len(crops) == 10


@given(arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_shape_type_and_the_face_itself_first(faces: np.ndarray) -> None:
    views = list(ten_views(faces))
    assert {(view.shape, view.dtype) for view in views} == {(faces.shape, np.dtype(np.uint8))}
    np.testing.assert_array_equal(views[0], faces)
    np.testing.assert_array_equal(views[1], faces[:, :, ::-1])


def test_the_border_is_repeated() -> None:
    face = np.zeros((1, 48, 48), np.uint8)
    face[:, 0] = 9
    down = list(ten_views(face))[6]
    assert (down[:, :3] == 9).all()
    assert (down[:, 3:] == 0).all()
