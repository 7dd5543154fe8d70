"""Files made to exhaust the decoder, and what they must cost: a refusal, and next to no time or memory."""

import contextlib
import io
import struct
import time
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_use import peak_growth
from PIL import Image

from fer.errors import UserError
from fer.inference import image as limits
from fer.inference.formats import SUFFIXES
from fer.inference.formats.still import Still
from fer.inference.image import load_image

RNG = np.random.default_rng(7)
SMOOTH = cv2.resize(RNG.integers(0, 256, (5, 6, 3), np.uint8), (96, 72), interpolation=cv2.INTER_CUBIC)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels: bytes, width: int = 48, height: int = 48, depth: int = 8, colour: int = 0, *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """A zlib stream of zeros; its end and checksum are missing, which nobody should get to see."""
    deflate = zlib.compressobj(9)
    first, portion = (deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + portion * ((size >> 20) - 1)


def progressive_jpeg(scans: int, side: int) -> bytes:
    """A progressive JPEG whose scans are all but empty."""
    table = b"\xff\xdb\0\x43\0" + bytes([1] * 64)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\x01\x11\0"
    codes = b"\xff\xc4" + struct.pack(">H", 20) + b"\0" + bytes([1] + [0] * 15) + b"\0"
    scan = codes + b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\0" + b"\0\0\0" + b"\0" * 4
    return b"\xff\xd8" + table + frame + scan * scans + b"\xff\xd9"


def webp_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(webp_chunk(*each) for each in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def gif(screen: tuple[int, int], picture: tuple[int, int]) -> bytes:
    return struct.pack("<6sHHBBBBHHHHB", b"GIF89a", *screen, 0, 0, 0, 0x2C, 0, 0, *picture, 0) + b"\x02\0\x3b"


def tiff(*fields: tuple[int, int, int]) -> bytes:
    """The header and directory of a TIFF: tag, type and value of every field."""
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in fields)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + bytes(4)


#: A lossless stream of the largest size that WebP has.
VP8L = b"\x2f" + struct.pack("<I", 16383 | 16383 << 14) + bytes.fromhex("071011fd0f4444ff03") + bytes(22)
VP8X = bytes(4) + struct.pack("<I", 47)[:3] + struct.pack("<I", 47)[:3]
LARGE_VP8 = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(30)
ATTACKS = {
    "jpeg, 1,000 scans": progressive_jpeg(1_000, 5000),
    "jpeg, 15,000 scans": progressive_jpeg(15_000, 5000),
    "jpeg, 60,000 scans": progressive_jpeg(60_000, 5000),
    "jpeg, 60,000 scans of 48x48": progressive_jpeg(60_000, 48),
    "png, 2 GB": png(zeros(2 << 30)),
    "png, 16 bit RGBA": png(b"", 5000, 5000, 16, 6),
    "webp, 48 bytes": bytes.fromhex("5249464628000000574542502ffebfff0f071011fd0f4444ff03") + bytes(22),
    "webp, lossless": webp((b"VP8L", VP8L)),
    "webp, extended lossless": webp((b"VP8X", VP8X), (b"VP8L", VP8L)),
    "webp, lossy": webp((b"VP8 ", LARGE_VP8)),
    "webp, extended lossy": webp((b"VP8X", VP8X), (b"VP8 ", LARGE_VP8)),
    "webp, animated": webp(
        (b"VP8X", b"\x02" + VP8X[1:]), (b"ANIM", bytes(6)), (b"ANMF", bytes(16) + webp_chunk(b"VP8L", VP8L))
    ),
    "gif, large screen": gif((65535, 65535), (9, 9)),
    "gif, large picture": gif((9, 9), (65535, 65535)),
    "bmp": b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 60_000, -60_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "bmp of OS/2": b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 60_000, 60_000, 1, 24) + bytes(20),
    "tiff": tiff((256, 4, 60_000), (257, 4, 60_000)),
    "tiff, large tiles": tiff((256, 4, 48), (257, 4, 48), (322, 4, 60_000), (323, 4, 60_000)),
    "tiff, another type of number first": tiff((256, 9, 60_000), (256, 4, 48), (257, 4, 48)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_at_once(name, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    start = time.process_time()
    with pytest.raises(UserError) as caught:
        load_image(ATTACKS[name])
    assert time.process_time() - start < 0.5
    assert "\n" not in str(caught.value)


def test_attacks_cost_no_memory(tmp_path):
    for number, data in enumerate(ATTACKS.values()):
        (tmp_path / f"{number}").write_bytes(data)
    before = "import pathlib\nfrom fer.errors import UserError\nfrom fer.inference.image import load_image"
    work = (
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try:\n        load_image(path)\n    except UserError:\n        pass"
    )
    assert peak_growth(before, work, tmp_path) < 30


@pytest.mark.parametrize("bytes_off", [-1, 1])
def test_a_png_must_inflate_to_its_size(bytes_off):
    right = 48 * 49
    assert load_image(png(zlib.compress(bytes(right)))).shape == (48, 48, 3)
    with pytest.raises(UserError):
        load_image(png(zlib.compress(bytes(right + bytes_off))))


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from([("1", 0), ("L", 0), ("P", 0), ("RGB", 0), ("RGBA", 0), ("LA", 0), ("I;16", 0)]),
)
def test_every_kind_of_png_inflates_to_its_stated_size(width, height, kind):
    picture = Image.new(kind[0], (width, height))
    file = io.BytesIO()
    picture.save(file, "PNG")
    assert load_image(file.getvalue()).shape == (height, width, 3)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 4), (9, 9), (33, 70)])
def test_an_interlaced_png_inflates_to_its_stated_size(shape):
    height, width = shape
    starts, steps = (0, 4, 0, 2, 0, 1, 0), (8, 8, 4, 4, 2, 2, 1)
    rows, row_steps = (0, 0, 4, 0, 2, 0, 1), (8, 8, 8, 4, 4, 2, 2)
    grey = RNG.integers(0, 256, shape, np.uint8)
    raw = b"".join(
        b"\0" + row.tobytes()
        for x, y, across, down in zip(starts, rows, steps, row_steps, strict=True)
        for row in grey[y::down, x::across]
        if row.size
    )
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(load_image(data)[..., 0], grey)


def test_compressed_texts_and_animations_of_a_png_do_not_reach_the_decoder():
    text = chunk(b"zTXt", b"k\0\0" + zeros(1 << 30))
    start = time.process_time()
    assert load_image(png(zlib.compress(bytes(48 * 49)), 48, 48, 8, 0, text)).shape == (48, 48, 3)
    assert time.process_time() - start < 0.2


@pytest.mark.parametrize(
    ("side", "scans", "read"),
    [
        *((10_000, 16, True), (10_000, 17, False), (5_000, 16, True), (5_000, 17, False)),
        *((2_000, 100, True), (48, 101, False)),
    ],
)
def test_a_large_jpeg_may_have_the_scans_that_cameras_write(side, scans, read):
    """Nothing is decoded; a service of 25 megapixels gets as many passes over pixels as before."""
    still = Still(b"", side, side, scans=scans)
    with contextlib.nullcontext() if read else pytest.raises(UserError, match=f"has {scans} scans"):
        limits._check_limits(still)


def encoded(suffix: str) -> bytes:
    return cv2.imencode(suffix, SMOOTH)[1].tobytes()


def test_an_avif_stream_larger_than_its_boxes_say_is_refused(monkeypatch):
    data = encoded(".avif")
    stated = struct.pack(">II", 96, 72)
    assert data.count(stated) == 1
    monkeypatch.setattr(limits, "MAX_PIXELS", 96 * 72 - 1)
    with pytest.raises(UserError, match="96x72 pixels"):
        load_image(data.replace(stated, struct.pack(">II", 10, 10)))


def test_the_first_picture_of_an_animation_is_read():
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:])
        image = load_image(file.getvalue())
        assert image.shape == (20, 30, 3)
        np.testing.assert_allclose(image, np.full((20, 30, 3), (0, 0, 255)), atol=12)


@pytest.mark.parametrize("quality", [60, 101])
def test_a_webp_without_its_alpha_keeps_its_colours(quality):
    bgra = np.dstack([SMOOTH, np.full(SMOOTH.shape[:2], 200, np.uint8)])
    data = cv2.imencode(".webp", bgra, [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    np.testing.assert_array_equal(load_image(data.tobytes()), cv2.imdecode(data, cv2.IMREAD_COLOR))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tif", ".gif", ".avif"])
def test_what_the_decoder_is_given_decodes_as_the_file(suffix):
    assert suffix in SUFFIXES
    data = np.frombuffer(encoded(suffix), np.uint8)
    np.testing.assert_array_equal(load_image(data.tobytes()), cv2.imdecode(data, cv2.IMREAD_COLOR))


FILES = {suffix: encoded(suffix) for suffix in (".png", ".jpg", ".webp", ".bmp", ".tif", ".gif", ".avif")}
FILES[".pjpg"] = cv2.imencode(".jpg", SMOOTH, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
FILES[".lossless"] = cv2.imencode(".webp", SMOOTH, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()


@given(
    st.sampled_from(sorted(FILES)),
    st.floats(0.0, 1.0),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=4),
)
@settings(max_examples=400)
def test_cut_and_flipped_files_give_an_image_or_a_user_error_in_bounded_time(kind, kept, flips):
    data = bytearray(FILES[kind])
    for at, value in flips:
        data[at % len(data)] = value
    start = time.process_time()
    with contextlib.suppress(UserError):
        image = load_image(bytes(data[: round(kept * len(data))]))
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[0] * image.shape[1] <= limits.MAX_PIXELS
    assert time.process_time() - start < 3
