"""Hostile requests: ``python benchmarks/fuzz.py --requests 10000``.

A tenth comes from schemathesis, by the service's own description; the rest are files of every format, changed byte by
byte, cut, joined and mislabelled, and requests that are hardly HTTP. It must not answer 5xx (but 503), hang, grow or
leave a file. Traffic stays on the loopback. Exit code 1 where it does.
"""

import argparse
import asyncio
import itertools
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from served import Connection, Served, form, request_bytes, serving

SUFFIXES = (".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif", ".avif")
KINDS = ("image/png", "image/jpeg", "image/webp", "application/octet-stream", "video/mp4", "text/plain", "image/")
PATHS = ("/classify", "/analyze", "/video/submit")
#: Seconds; a request that takes longer hangs.
HANGS = 30
#: After so many parts of the requests memory is looked at. The largest image yet met has its room in the allocator's
#: arenas for good, so that the first half of the parts does not count.
PARTS = 10


def seeds() -> list[bytes]:
    """Real files of every format that OpenCV writes here, and a video."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, shape, np.uint8) for shape in ((48, 48), (64, 40, 3), (300, 200, 3), (1, 1))]
    files = []
    for suffix in SUFFIXES:
        for image in images:
            shown = image if suffix != ".gif" or image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            done, data = cv2.imencode(suffix, shown)
            if done:
                files.append(data.tobytes())
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    files.append(cv2.imencode(".jpg", images[2], progressive)[1].tobytes())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
        for _ in range(5):
            writer.write(rng.integers(0, 256, (48, 64, 3), np.uint8))
        writer.release()
        files.append(path.read_bytes())
    # A WebP whose header says less than its stream.
    files.append(bytes.fromhex("5249464628000000574542502ffebfff0f071011fd0f4444ff03") + bytes(22))
    return files


def changed(data: bytes, rng: np.random.Generator, others: list[bytes]) -> bytes:
    """A file that is nearly one."""
    content = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if not content:
            break
        at = int(rng.integers(len(content)))
        match int(rng.integers(8)):
            case 0:
                content[at] ^= 1 << int(rng.integers(8))
            case 1:
                del content[at:]
            case 2:
                del content[at : at + int(rng.integers(1, 64))]
            case 3:
                content[at:at] = rng.bytes(int(rng.integers(1, 64)))
            case 4:
                content[at : at + 4] = struct.pack(">I", int(rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 60000])))
            case 5:
                other = others[int(rng.integers(len(others)))]
                content[at:] = other[len(other) // 2 :]
            case 6:
                content[at : at + 16] = content[: min(16, len(content))] * 2
            case _:
                content[:16] = rng.bytes(min(16, len(content)))
    return bytes(content)


def hostile(number: int, files: list[bytes]) -> bytes:
    """One request, the same for the same number."""
    rng = np.random.default_rng(number)
    data = changed(files[int(rng.integers(len(files)))], rng, files)
    path = PATHS[int(rng.choice(3, p=[0.5, 0.4, 0.1]))]
    match int(rng.integers(6)):
        case 0:
            name = "images" if rng.random() < 0.8 else "video"
            return request_bytes(path, *form(name, [data, files[int(rng.integers(len(files)))]]))
        case 1:
            boxes = ["[[[0,0,9,9]]]", "[[[-5,-5,99999,1]]]", "[null]", "[[[1e308,0,1,1]]]", "\x00", "[" * 300]
            chosen = boxes[int(rng.integers(len(boxes)))].replace("\x00", "%00")
            place = f"/analyze?boxes={chosen}" if path == "/analyze" else path
            return request_bytes(place, KINDS[int(rng.integers(len(KINDS)))], data)
        case 2:
            kind, body = form("images", [data])
            return request_bytes(path, kind, body[: int(rng.integers(len(body)))])
        case 3:
            kind = rng.bytes(int(rng.integers(1, 40))).decode("latin1").replace("\n", "").replace("\r", "")
            return request_bytes(path, kind, data)
        case 4:
            return request_bytes(
                f"/{rng.bytes(30).hex()}", KINDS[0], data, str(rng.choice(["GET", "PUT", "TRACE", "X"]))
            )
        case _:
            return request_bytes(path, KINDS[int(rng.integers(len(KINDS)))], data)


async def attack(service: Served, wanted: range, files: list[bytes]) -> tuple[Counter[int], float]:
    """Statuses of the requests of these numbers, 0 where no answer came, and the longest time in seconds."""
    statuses: Counter[int] = Counter()
    numbers, slowest = iter(wanted), 0.0

    async def client() -> None:
        nonlocal slowest
        for number in numbers:
            start = time.perf_counter()
            connection = Connection(service.port)
            statuses[await connection.ask(hostile(number, files), HANGS)] += 1
            connection.close()
            slowest = max(slowest, time.perf_counter() - start)

    await asyncio.gather(*(client() for _ in range(8)))
    return statuses, slowest


def described(service: Served, count: int) -> Counter[int]:
    """Statuses of what schemathesis makes of the description."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{service.port}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    statuses: Counter[int] = Counter()
    for operation in operations:

        @settings(
            max_examples=max(1, count // len(operations)),
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(case=operation.as_strategy())
        def send(case):
            statuses[case.call(timeout=HANGS).status_code] += 1

        send()
    return statuses


def main(count: int) -> bool:
    files = seeds()
    with serving() as service:
        before, statuses, slowest, memory = service.files(), Counter[int](), 0.0, []
        by_schema = described(service, count // 10)
        ends = np.linspace(0, count - count // 10, PARTS + 1).astype(int).tolist()
        for start, end in itertools.pairwise(ends):
            answered, slow = asyncio.run(attack(service, range(start, end), files))
            statuses, slowest = statuses + answered, max(slowest, slow)
            memory.append(service.memory())
        time.sleep(2)
        grown, left = memory[-1] / max(memory[PARTS // 2 - 1], memory[PARTS // 2]) - 1, service.files() - before
        alive = asyncio.run(Connection(service.port).ask(request_bytes("/livez", "", b"", "GET")))
        log = next(service.folder.glob("log")).read_text()
    total = statuses + by_schema
    bad = {status: number for status, number in total.items() if status >= 500 and status != 503}
    print(f"by schemathesis: {dict(sorted(by_schema.items()))}")
    print(f"by the generator: {dict(sorted(statuses.items()))} (0: the connection was closed without an answer)")
    print(f"slowest {slowest:.1f} s; files left: {sorted(map(str, left))}")
    print(f"memory by part, MB: {', '.join(f'{part:.0f}' for part in memory)}; {grown:+.1%} since the middle")
    print(f"tracebacks in the log: {log.count('Traceback')}; alive: {alive == 200}; 5xx but 503: {bad}")
    return not bad and slowest < HANGS and grown < 0.1 and not left and "Traceback" not in log and alive == 200


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    sys.exit(0 if main(parser.parse_args().requests) else 1)
