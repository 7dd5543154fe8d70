import re

import numpy as np
import pytest
from drawn_faces import drawn_sample
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fer.errors import UserError
from fer.portable.lossless import compress, decompress


@given(arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=7)))
@settings(max_examples=60)
def test_what_was_packed_comes_back(faces: np.ndarray) -> None:
    found = decompress(compress(faces))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, faces)


def test_no_faces_come_back_as_none() -> None:
    assert decompress(compress(np.empty((0, 48, 48), np.uint8))).shape == (0, 48, 48)


def test_faces_take_fewer_bytes() -> None:
    faces = drawn_sample(70, 1)[0]
    assert len(compress(faces)) < 0.8 * faces.size
    np.testing.assert_array_equal(decompress(compress(faces)), faces)


@given(st.data())
@settings(max_examples=60)
def test_a_flipped_bit_is_one_line_or_changes_nothing(data: st.DataObject) -> None:
    """The last bits of a stream mean nothing. Faces of another shape, as many pixels: ``pack.json``'s digest tells."""
    faces = np.random.default_rng(1).integers(0, 256, (3, 6, 6), dtype=np.uint8)
    packed = bytearray(compress(faces))
    place = data.draw(st.one_of(st.integers(0, 7), st.integers(20, len(packed) - 1)))
    packed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = decompress(bytes(packed))
    except UserError as error:
        assert re.fullmatch(r"packed faces: damaged \(.*\); pack them again", str(error))  # noqa: PT017
    else:
        np.testing.assert_array_equal(found, faces)


@pytest.mark.parametrize("content", [b"", b"FERFACES", b"PK\x03\x04 something else"])
def test_other_bytes_are_one_line(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^packed faces: damaged"):
        decompress(content)
