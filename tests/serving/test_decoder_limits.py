"""Small files that would cost gigabytes or minutes, sent to the service: refused at once, and nobody else waits."""

import struct
import time
import zlib

import cv2
import numpy as np
import pytest
from services import encode, noise, serving

#: Seconds within which a refusal comes on a loaded machine; unbounded, each of these files takes longer or 1 GB.
AT_ONCE = 5

pytestmark = pytest.mark.slow


def many_scans(scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated, and whose header claims 5000x5000 pixels."""
    image = cv2.imencode(".jpg", noise(64, 64), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    frame = image.index(b"\xff\xc2")
    image = image[: frame + 5] + struct.pack(">HH", 5000, 5000) + image[frame + 9 :]
    last, end = image.rindex(b"\xff\xda"), image.rindex(b"\xff\xd9")
    return image[:last] + image[last:end] * scans + image[end:]


def inflating_png(megabytes: int) -> bytes:
    """A 48x48 PNG whose pixels inflate to far more than 48x48 need."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    # A megabyte compressed once and repeated: all of them take seconds, in every process that collects this file.
    deflate = zlib.compressobj(9)
    first, more = (deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    checksum = struct.pack(">I", megabytes * 1_000_000 % 65521 << 16 | 1)  # Adler-32 of so many zeros
    packed = first + more * (megabytes - 1) + b"\x03\0" + checksum
    header = struct.pack(">IIBBBBB", 48, 48, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


LYING_WEBP = bytes.fromhex("5249464628000000574542502ffebfff0f071011fd0f4444ff03") + bytes(22)
DEEP_PNG = encode(np.zeros((5000, 5000, 4), np.uint16))


@pytest.fixture(scope="module")
def service(model_folder, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("limits"), "--model", model_folder) as running:
        yield running


@pytest.mark.parametrize("path", ["/classify", "/analyze"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(many_scans(15_000), id="many scans"),
        pytest.param(inflating_png(2_000), id="inflating png"),
        pytest.param(LYING_WEBP, id="lying webp"),
        pytest.param(DEEP_PNG, id="16 bit rgba"),
    ],
)
def test_it_is_refused_at_once_and_costs_no_memory(service, path, data):
    with service.client() as client:
        client.post(path, files={"images": encode(noise())})
        (worker,) = service.workers()
        before, start = worker.memory_info().rss, time.monotonic()
        answer = client.post(path, files={"images": data})
        assert answer.status_code in (413, 422), answer.text
        assert time.monotonic() - start < AT_ONCE
        assert worker.memory_info().rss - before < 200_000_000
