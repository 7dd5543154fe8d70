import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.errors import UserError
from fer.inference.image import MAX_PIXELS, decode_image, to_face

RNG = np.random.default_rng(1)
COLOUR = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
FORMATS = [".png", ".jpg", ".webp", ".bmp"]


def encode(image: np.ndarray, suffix: str, *options: int) -> bytes:
    return cv2.imencode(suffix, image, options)[1].tobytes()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats_decode_to_bgr(suffix):
    image = decode_image(encode(COLOUR, suffix))
    assert (image.shape, image.dtype) == ((40, 60, 3), np.uint8)


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)])
def test_kinds_of_jpeg(options):
    assert decode_image(encode(COLOUR, ".jpg", *options)).shape == (40, 60, 3)


@pytest.mark.parametrize("quality", [50, 101])
def test_kinds_of_webp_lossy_and_lossless(quality):
    assert decode_image(encode(COLOUR, ".webp", cv2.IMWRITE_WEBP_QUALITY, quality)).shape == (40, 60, 3)


def test_webp_with_alpha():
    bgra = np.dstack([COLOUR, RNG.integers(0, 255, COLOUR.shape[:2], dtype=np.uint8)])
    assert decode_image(encode(bgra, ".webp", cv2.IMWRITE_WEBP_QUALITY, 60)).shape == (40, 60, 3)


def test_lossless_files_keep_every_pixel():
    np.testing.assert_array_equal(decode_image(encode(COLOUR, ".png")), COLOUR)


def test_a_stored_grey_face_comes_back_byte_for_byte():
    face = RNG.integers(0, 256, (48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(to_face(decode_image(encode(face, ".png"))), face)


def test_exif_orientation_turns_the_image_upright():
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    jpeg = encode(COLOUR, ".jpg")
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert decode_image(turned).shape == (60, 40, 3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, this is no image", "not a PNG"),
        (b"GIF89a" + bytes(40), "not a PNG"),
        (b"\x89PNG\r\n\x1a\n", "cut short"),
        (b"\xff\xd8\xff\xe0", "cut short"),
        (b"\xff\xd8hello", "damaged"),
        (b"BM", "cut short"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "cut short"),
    ],
)
def test_junk_is_one_line(data, words):
    with pytest.raises(UserError, match=words) as caught:
        decode_image(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_truncated_files_are_refused(suffix, share):
    data = encode(COLOUR, suffix)
    with pytest.raises(UserError):
        decode_image(data[: int(len(data) * share)])


def test_a_header_that_claims_gigapixels_is_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("the bomb was decoded"))
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    with pytest.raises(UserError, match="60000x60000"):
        decode_image(bomb)


def test_the_largest_size_is_allowed():
    side = int(MAX_PIXELS**0.5)
    assert decode_image(encode(np.zeros((side, side), np.uint8), ".png")).shape == (side, side, 3)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"BM"]), st.binary(max_size=200)
)
def test_any_bytes_give_an_image_or_a_user_error(start, rest):
    try:
        image = decode_image(start + rest)
    except UserError:
        return
    assert image.ndim == 3


@given(st.sampled_from(FORMATS), st.integers(0, 10_000), st.integers(0, 255))
def test_a_flipped_byte_gives_an_image_or_a_user_error(suffix, at, value):
    data = bytearray(encode(COLOUR, suffix))
    data[at % len(data)] = value
    try:
        image = decode_image(bytes(data))
    except UserError:
        return
    assert image.dtype == np.uint8


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
