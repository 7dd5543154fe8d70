import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fer.errors import UserError
from fer.inference.formats import heic
from fer.inference.image import MAX_PIXELS, load_image
from fer.inference.resize import to_face

RNG = np.random.default_rng(1)
COLOUR = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
FORMATS = [".png", ".jpg", ".webp", ".bmp", ".tif", ".gif", ".avif"]


def encode(image: np.ndarray, suffix: str, *options: int) -> bytes:
    return cv2.imencode(suffix, image, options)[1].tobytes()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats_decode_to_bgr(suffix):
    image = load_image(encode(COLOUR, suffix))
    assert (image.shape, image.dtype) == ((40, 60, 3), np.uint8)


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)])
def test_kinds_of_jpeg(options):
    assert load_image(encode(COLOUR, ".jpg", *options)).shape == (40, 60, 3)


@pytest.mark.parametrize("quality", [50, 101])
def test_kinds_of_webp_lossy_and_lossless(quality):
    assert load_image(encode(COLOUR, ".webp", cv2.IMWRITE_WEBP_QUALITY, quality)).shape == (40, 60, 3)


def test_webp_with_alpha():
    bgra = np.dstack([COLOUR, RNG.integers(0, 255, COLOUR.shape[:2], dtype=np.uint8)])
    assert load_image(encode(bgra, ".webp", cv2.IMWRITE_WEBP_QUALITY, 60)).shape == (40, 60, 3)


def test_lossless_files_keep_every_pixel():
    np.testing.assert_array_equal(load_image(encode(COLOUR, ".png")), COLOUR)


def test_a_stored_grey_face_comes_back_byte_for_byte():
    face = RNG.integers(0, 256, (48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(to_face(load_image(encode(face, ".png"))), face)


TIFF = b"II*\0"
AVIF, HEIC = b"\0\0\0\x14ftypavif\0\0\0\0avif", b"\0\0\0\x14ftypheic\0\0\0\0mif1"

QUARTERS = np.zeros((40, 60, 3), np.uint8)
QUARTERS[:20, :30], QUARTERS[:20, 30:], QUARTERS[20:, :30] = (0, 0, 255), (0, 255, 0), (255, 0, 0)
#: What a picture with each orientation shows when it is held upright, by NumPy.
UPRIGHT = {
    1: QUARTERS,
    2: QUARTERS[:, ::-1],
    3: QUARTERS[::-1, ::-1],
    4: QUARTERS[::-1],
    5: QUARTERS.transpose(1, 0, 2),
    6: np.rot90(QUARTERS, -1),
    7: np.rot90(QUARTERS)[:, ::-1],
    8: np.rot90(QUARTERS),
}


def with_orientation(suffix: str, turned: int, order: str) -> bytes:
    if suffix == ".tif":
        file = io.BytesIO()
        picture = Image.fromarray(QUARTERS[..., ::-1].copy())
        exif = picture.getexif()
        exif[0x0112] = turned
        picture.save(file, "TIFF", exif=exif)
        return file.getvalue()
    start = {">": b"MM\0*", "<": b"II*\0"}[order]
    exif = np.frombuffer(start + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, turned, 0, 0), np.uint8)
    return cv2.imencodeWithMetadata(suffix, QUARTERS, [cv2.IMAGE_METADATA_EXIF], [exif])[1].tobytes()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tif"])
@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("order", "<>")
def test_exif_orientation_turns_the_image_upright(suffix, turned, order):
    image = load_image(with_orientation(suffix, turned, order))
    assert image.shape == UPRIGHT[turned].shape
    assert np.abs(image[::4, ::4].astype(int) - UPRIGHT[turned][::4, ::4]).mean() < 12


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, this is no image", "not a PNG"),
        (b"GIF89a" + bytes(40), "damaged"),
        (b"GIF89a", "cut short"),
        (b"II*\0", "cut short"),
        (b"\0\0\0\x18ftypavif" + bytes(12), "damaged"),
        (b"\0\0\0\x18ftypheic" + bytes(12), "HEIC|damaged"),
        (b"\x89PNG\r\n\x1a\n", "cut short"),
        (b"\xff\xd8\xff\xe0", "cut short"),
        (b"\xff\xd8hello", "damaged"),
        (b"BM", "cut short"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "cut short"),
        (b"\0\0\0\x18ftypisom" + bytes(12), r"is a video; give an image \(fer video reads videos\)"),
        (cv2.imencode(".tif", np.zeros((9, 9), np.float32))[1].tobytes(), "samples of 32 bits, which are not read"),
        (b"The free lunch", "not a PNG"),
        (b"\0\0\0\x18ftypcrx " + bytes(12), "not a PNG"),
        ("https://example.org/face.jpg", r"https://example.org/face.jpg: is an address; download the image"),
    ],
)
def test_junk_is_one_line(data, words):
    with pytest.raises(UserError, match=words) as caught:
        load_image(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_truncated_files_are_refused(suffix, share):
    data = encode(COLOUR, suffix)
    with pytest.raises(UserError):
        load_image(data[: int(len(data) * share)])


def test_a_header_that_claims_gigapixels_is_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("the bomb was decoded"))
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    with pytest.raises(UserError, match="60000x60000"):
        load_image(bomb)


def test_the_largest_size_is_allowed():
    side = int(MAX_PIXELS**0.5)
    assert load_image(encode(np.zeros((side, side), np.uint8), ".png")).shape == (side, side, 3)


@given(
    st.sampled_from(
        [
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"RIFF\0\0\0\0WEBP",
            b"BM",
            b"GIF89a",
            b"II*\0",
            b"MM\0+",
            AVIF,
            HEIC,
        ]
    ),
    st.binary(max_size=200),
)
def test_any_bytes_give_an_image_or_a_user_error(start, rest):
    try:
        image = load_image(start + rest)
    except UserError:
        return
    assert image.ndim == 3


@given(st.sampled_from(FORMATS), st.integers(0, 10_000), st.integers(0, 255))
def test_a_flipped_byte_gives_an_image_or_a_user_error(suffix, at, value):
    data = bytearray(encode(COLOUR, suffix))
    data[at % len(data)] = value
    try:
        image = load_image(bytes(data))
    except UserError:
        return
    assert image.dtype == np.uint8


class Grey:
    """An array of another library."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.full((4, 5), 7, np.uint8)


GREY = RNG.integers(0, 256, (4, 5), np.uint8)
BGR = RNG.integers(0, 256, (4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (GREY, cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        (GREY[..., None], cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        (GREY.tolist(), cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        (tuple(map(tuple, GREY.tolist())), cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        (GREY.astype(np.int64), cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        (GREY / 255, cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        ((GREY / 255).astype(np.float16), cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        (BGR, BGR),
        (BGR[:, ::-1], BGR[:, ::-1]),
        (BGR / 255, BGR),
        (np.dstack([BGR, GREY]), BGR),
        (Grey(), np.full((4, 5, 3), 7, np.uint8)),
        (Image.fromarray(BGR[..., ::-1].copy()), BGR),
        (Image.fromarray(np.dstack([BGR[..., ::-1], GREY])), BGR),
        (Image.fromarray(GREY), cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
        (Image.fromarray(GREY > 9), cv2.cvtColor(np.uint8(255) * (GREY > 9), cv2.COLOR_GRAY2BGR)),
        (Image.fromarray(GREY).convert("P"), cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)),
    ],
)
def test_arrays_lists_and_pil_images_become_bgr(source, expected):
    image = load_image(source)
    assert (image.dtype, image.flags.c_contiguous) == (np.uint8, True)
    # Half precision cannot hold every 255th.
    np.testing.assert_allclose(image, expected, atol=1 if getattr(source, "dtype", None) == np.float16 else 0)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "of type NoneType"),
        (7, "of type int"),
        ({"a": 1}, "of type dict"),
        (np.zeros((2, 40, 60, 3), np.uint8), r"got \[2, 40, 60, 3\]; give one image at a time"),
        (np.zeros((3, 40, 60), np.uint8), r"got \[3, 40, 60\]"),
        (np.zeros((0, 5), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape"),
        ([], "shape"),
        ([[1, 2], [3]], "one length"),
        ([["a", "b"]], "must hold numbers"),
        ([[object()]], "must hold numbers"),
        (np.zeros((4, 5), bool), "must hold numbers, got bool"),
        (np.full((4, 5), 200.0), "between 0 and 1, got 200 to 200"),
        (np.full((4, 5), np.nan), "between 0 and 1"),
        (np.full((4, 5), -0.1), "between 0 and 1"),
        (np.full((4, 5), 65535, np.uint16), "between 0 and 255, got 65535"),
        (np.full((4, 5), -1), "between 0 and 255"),
        ("no/such/file.jpg", "no/such/file.jpg: cannot be read .No such file"),
        ("a\0b", "is no path"),
        ("", "is a folder"),
        ("x" * 5000, "File name too long"),
        ("/dev/null", "no regular file"),
        (Image.new("F", (4, 5)), "mode F"),
        (Image.new("L", (12000, 10001)), "12000x10001"),
    ],
)
def test_what_is_no_image_is_one_line(source, words):
    with pytest.raises(UserError, match=words) as caught:
        load_image(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_read_by_its_path_and_named_in_its_error(kind, tmp_path):
    path = tmp_path / "photo.jfif"
    path.write_bytes(encode(COLOUR, ".jpg"))
    assert load_image(kind(path)).shape == (40, 60, 3)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"photo.jfif: the image is cut short"):
        load_image(kind(path))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_read(kind):
    np.testing.assert_array_equal(load_image(kind(encode(COLOUR, ".png"))), COLOUR)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError, match="no regular file"):
        load_image(tmp_path / "pipe.png")


def test_a_pil_image_is_turned_upright_and_its_damaged_file_is_one_line(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(with_orientation(".jpg", 6, ">"))
    with Image.open(path) as picture:
        np.testing.assert_allclose(load_image(picture), load_image(path), atol=6)
    path.write_bytes(encode(COLOUR, ".jpg")[:900])
    with Image.open(path) as picture, pytest.raises(UserError, match="damaged"):
        load_image(picture)


def test_heic_without_its_library_says_what_to_install():
    with pytest.raises(UserError, match=r"pillow-heif" if not heic.can_read() else "damaged"):
        load_image(HEIC + bytes(100))
