import hashlib
import http.server
import logging
import os
import pickle
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import drawn_faces, scene

from fer.errors import UserError
from fer.inference import detection, yunet_file
from fer.inference.detection import (
    Box,
    CascadeDetector,
    Detection,
    Detector,
    YuNetDetector,
    averaged,
    merged,
    open_detector,
)

YUNET = os.environ.get("FER_YUNET", "")
needs_yunet = pytest.mark.skipif(not YUNET, reason="YuNet's file is not at hand")
BOTH = [pytest.param("yunet", marks=needs_yunet), "cascade"]


def centre(found: Detection) -> tuple[float, float]:
    left, top, width, height = found.box
    return left + width / 2, top + height / 2


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("shape", [(200, 300, 3), (200, 300), (3, 5, 3), (1, 1), (1, 3000, 3), (2000, 2)])
def test_nothing_is_found_in_an_empty_picture_of_any_shape(name, shape):
    assert open_detector(name).detect(np.full(shape, 128, np.uint8)) == []


@needs_yunet
@given(st.integers(1, 200), st.integers(1, 3000), st.booleans())
@settings(deadline=None, max_examples=40)
def test_yunet_is_never_given_a_side_of_which_opencv_reads_foreign_memory(short, long, upright):
    # Of 32 rows or columns and less, OpenCV 4.14 found faces in whatever other work had left in memory.
    given_to = []

    class Recorder:
        def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802
            given_to.append(size)

        def detect(self, image: np.ndarray) -> tuple[int, None]:
            assert image.shape[1::-1] == given_to[-1]
            return 0, None

    detector = YuNetDetector()
    detector._local.network = Recorder()
    assert detector.detect(np.zeros((long, short) if upright else (short, long), np.uint8)) == []
    assert min(map(min, given_to)) >= 64


@needs_yunet
@pytest.mark.parametrize("side", [24, 32])
def test_a_face_that_fills_a_small_picture_is_found(side):
    detector = YuNetDetector()
    faces = [cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in drawn_faces()[:40]]
    found = [detector.detect(face) for face in faces]
    assert sum(map(bool, found)) >= 36
    for one in filter(None, found):
        assert np.hypot(*np.subtract(centre(one[0]), (side / 2, side / 2))) < 0.25 * side


@pytest.mark.parametrize("name", BOTH)
def test_a_face_is_found_where_it_is(name):
    found = open_detector(name).detect(scene({8: (150, 100, 160, 160)}))
    assert len(found) == 1
    assert np.hypot(*np.subtract(centre(found[0]), (230, 185))) < 30
    assert 80 < found[0].box[2] < 180


@needs_yunet
def test_yunet_gives_score_landmarks_and_roll():
    (found,) = open_detector("yunet").detect(scene({0: (150, 100, 160, 160)}))
    assert found.score is not None
    assert 0.7 < found.score <= 1
    assert found.landmarks is not None
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert found.roll is not None
    assert abs(found.roll) < 15


@needs_yunet
@pytest.mark.parametrize("degrees", [-30, -20, -10, 10, 20, 30])
def test_a_turned_face_is_found_and_its_roll_says_which_way(degrees):
    image = scene({0: (240, 160, 160, 160)})
    turn = cv2.getRotationMatrix2D((320, 240), -degrees, 1)  # OpenCV turns counter-clockwise
    turned = cv2.warpAffine(image, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    detector = YuNetDetector()
    (level,), (found,) = detector.detect(image), detector.detect(turned)
    assert level.roll is not None
    assert found.roll is not None
    # YuNet sees turned faces as less turned than they are.
    assert 0.3 < (found.roll - level.roll) / degrees < 1.2


def test_roll_needs_landmarks():
    assert Detection((0, 0, 9, 9)).roll is None
    assert Detection((0, 0, 9, 9), 1.0, ((0, 0), (3, 3), (1, 2), (0, 4), (2, 5))).roll == pytest.approx(45)


@needs_yunet
@given(st.sampled_from([640, 1280, 2560, 4000]))
@settings(max_examples=4)
def test_yunet_finds_the_same_faces_at_every_size(side):
    image = scene({0: (60, 100, 120, 120), 5: (240, 180, 140, 140), 9: (450, 60, 160, 160)})
    detector = YuNetDetector()
    scale = side / 640
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    small, found = detector.detect(image), detector.detect(large)
    assert len(small) == len(found) == 3
    for one, other in zip(small, found, strict=True):
        np.testing.assert_allclose(np.array(other.box) / scale, one.box, atol=8)


def twelve(detector: Detector, left: int, top: int, side: int) -> dict[int, Box]:
    """Places for twelve drawn faces that are found where they are large: what is tested is their size alone."""
    clear = (n for n in range(70) if detector.detect(scene({n: (60, 60, 120, 120)}, (240, 240))))
    return {
        n: (100 + left * (at % 4), 100 + top * (at // 4), side, side) for at, n in zip(range(12), clear, strict=False)
    }


@needs_yunet
def test_small_faces_of_a_large_photo_are_found_by_closer_searches():
    places = twelve(YuNetDetector(), 500, 450, 64)
    image = scene(places, (1500, 2000))
    found = YuNetDetector().detect(image)
    assert len(found) >= 10
    for one in found:
        distances = [np.hypot(*np.subtract(centre(one), (x + w / 2, y + h / 2))) for x, y, w, h in places.values()]
        assert min(distances) < 12


@needs_yunet
def test_a_small_face_beside_a_large_one_is_found_on_request_and_each_face_once():
    image = scene({0: (200, 200, 900, 900), 5: (1700, 400, 60, 60)}, (1500, 2000))
    assert len(YuNetDetector(min_face=24).detect(image)) == 2


@pytest.mark.parametrize("name", BOTH)
def test_smaller_faces_than_asked_for_are_left_out(name):
    image = scene({8: (60, 100, 120, 120), 0: (300, 120, 240, 240)})
    assert len(open_detector(name, min_face=60).detect(image)) == 2
    (found,) = open_detector(name, min_face=150).detect(image)
    assert found.box[0] > 250


@pytest.fixture
def searched(monkeypatch):
    """Pixels of every search."""
    pixels = []
    search = YuNetDetector._search

    def counted(self: YuNetDetector, image: np.ndarray, scale: float) -> np.ndarray:
        pixels.append(image.shape[0] * image.shape[1] * scale**2)
        return search(self, image, scale)

    monkeypatch.setattr(YuNetDetector, "_search", counted)
    return pixels


@needs_yunet
@pytest.mark.parametrize("min_face", [24, 60, 85, 100])
def test_no_side_of_a_face_is_smaller_than_asked_for(min_face):
    image = scene({8: (60, 100, 120, 120), 0: (300, 120, 240, 240)})
    found = YuNetDetector(min_face).detect(image)
    assert found
    assert min(face.side for face in found) >= min_face


@needs_yunet
@pytest.mark.parametrize("size", [(9000, 12000), (200, 40000), (3000, 4000)])
@pytest.mark.parametrize(("min_face", "most"), [(None, 750_000), (1, 3_000_000)])
def test_a_photo_without_a_face_costs_a_bounded_search(size, min_face, most, searched):
    detector = YuNetDetector(min_face)
    searched.clear()  # of the test image
    detector.detect(np.full((*size, 3), 90, np.uint8))
    assert sum(searched) <= 1.001 * most + 640**2


@needs_yunet
@pytest.mark.parametrize(("side", "searches"), [(640, 1), (200, 2), (130, 3)])
def test_a_photo_of_12_megapixels_is_searched_more_closely_the_smaller_its_faces(side, searches, searched):
    detector = YuNetDetector()
    image = scene(twelve(detector, 900, 900, side), (3000, 4000))
    searched.clear()
    assert detector.detect(image)
    assert len(searched) == searches
    assert sum(searched) <= 640**2 + 1.001 * [0, 750_000, 3_750_000][searches - 1]


@given(st.integers(1, 200), st.integers(1, 200), st.floats(0.02, 1))
def test_halving_first_averages_as_one_step_does(width, height, scale):
    ramp = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 120, width)).astype(np.uint8)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    found = averaged(ramp, size)
    assert found.shape == size[::-1]
    # Odd edges that are left out are less than a pixel of the result together; and every step rounds.
    bound = 120 / size[0] + 120 / size[1] + 4
    direct = cv2.resize(ramp, size, interpolation=cv2.INTER_AREA)
    assert np.abs(found.astype(int) - direct).max() <= bound


@pytest.mark.parametrize("name", BOTH)
def test_four_threads_find_what_one_finds(name):
    images = [scene({n: (40 + 30 * n, 50 + 10 * n, 150 + 10 * n, 150 + 10 * n)}, seed=n) for n in range(8)]
    detector = open_detector(name)
    alone = [detector.detect(image) for image in images]
    assert sum(map(bool, alone)) > 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detector.detect, images)) == alone


@pytest.mark.parametrize("name", BOTH)
def test_a_detector_survives_pickle(name):
    detector = open_detector(name, min_face=40)
    image = scene({8: (150, 100, 160, 160)})
    assert pickle.loads(pickle.dumps(detector)).detect(image) == detector.detect(image) != []


boxes = st.tuples(*[st.floats(0, 500)] * 2, *[st.floats(5, 300)] * 2, st.floats(0.7, 1))


@given(st.lists(boxes, max_size=12))
def test_merging_keeps_the_surest_of_every_face_and_is_idempotent(found):
    rows = np.zeros((len(found), 15), np.float32)
    for row, (x, y, w, h, score) in zip(rows, found, strict=True):
        row[:4], row[14] = (x, y, w, h), score
    kept = merged(rows)
    assert {tuple(row) for row in kept} <= {tuple(row) for row in rows}
    np.testing.assert_array_equal(merged(kept), kept)
    if found:
        assert kept[0, 14] == rows[:, 14].max()
    twice = merged(np.concatenate([rows, rows]))
    np.testing.assert_array_equal(twice, kept)


@pytest.mark.parametrize(
    ("name", "min_face", "words"),
    [
        ("yunit", None, "did you mean yunet"),
        ("haar", None, "auto, yunet, cascade"),
        ("cascade", 0, "1 to 65535"),
        ("auto", "24", "1 to 65535"),
    ],
)
def test_a_wrong_name_or_size_is_one_line(name, min_face, words):
    with pytest.raises(UserError, match=words):
        open_detector(name, min_face)


class Nowhere:
    """No setting, an empty cache, and an address of this machine to download from."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cached = folder / "fer" / yunet_file.NAME
        monkeypatch.delenv("FER_YUNET", raising=False)
        monkeypatch.delenv("FER_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(detection, "_warned", threading.Event())
        self.requests = 0
        self.content = b""
        self._monkeypatch = monkeypatch

    def serve(self, content: bytes | None) -> http.server.ThreadingHTTPServer:
        nowhere = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                nowhere.requests += 1
                self.send_response(404 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._monkeypatch.setattr(yunet_file, "URL", f"http://127.0.0.1:{server.server_port}/{yunet_file.NAME}")
        return server


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setattr(yunet_file, "URL", "http://127.0.0.1:9/nothing-listens-here")
    yunet_file._download.cache_clear()
    yield Nowhere(tmp_path, monkeypatch)
    yunet_file._download.cache_clear()


def test_without_yunet_the_cascade_answers_and_one_line_says_so(nowhere, caplog):
    with caplog.at_level(logging.WARNING):
        assert [open_detector().name, open_detector("auto").name] == ["cascade", "cascade"]
    (line,) = caplog.messages
    assert line == (
        "the cascade finds the faces, and misses more of them: YuNet's file cannot be downloaded (Connection refused); "
        f"fetch {yunet_file.URL} and name the file in FER_YUNET"
    )


def test_yunet_by_name_that_cannot_be_had_is_a_mistake(nowhere):
    with pytest.raises(UserError, match=r"^YuNet's file cannot be downloaded \(Connection refused\); fetch http"):
        open_detector("yunet")


@pytest.mark.parametrize("address", ["http://nowhere.invalid/f", "https://nowhere.invalid/f", "http://127.0.0.1:9/f"])
def test_why_there_is_no_download_is_said_without_pythons_words(nowhere, monkeypatch, address):
    monkeypatch.setattr(yunet_file, "URL", address)
    with pytest.raises(UserError, match=r"^YuNet's file cannot be downloaded \([\w ,-]+\); fetch ") as caught:
        open_detector("yunet")
    assert not any(word in str(caught.value) for word in ("<", "urlopen", "Errno"))


def test_an_address_without_the_file_says_so(nowhere):
    with nowhere.serve(None) as server:
        with pytest.raises(UserError, match=r"cannot be downloaded \(HTTP Error 404: Not Found\); fetch "):
            open_detector("yunet")
        server.shutdown()


def test_a_server_that_speaks_no_http_is_one_line(nowhere, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(yunet_file, "URL", f"http://127.0.0.1:{listening.getsockname()[1]}/f")

        def answer():
            connection = listening.accept()[0]
            connection.recv(4096)
            connection.sendall(b"220 mail\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(UserError, match=r"^YuNet's file cannot be downloaded \(220 mail\); fetch "):
            open_detector("yunet")


@pytest.mark.parametrize("name", ["auto", "yunet"])
@pytest.mark.parametrize("content", [None, b"no model"])
def test_a_setting_that_names_no_yunet_is_a_mistake(name, content, tmp_path, monkeypatch):
    path = tmp_path / "yunet.onnx"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("FER_YUNET", str(path))
    with pytest.raises(UserError, match="FER_YUNET: ") as caught:
        open_detector(name)
    assert "\n" not in str(caught.value)


def test_a_setting_that_names_a_device_ends(monkeypatch):
    monkeypatch.setenv("FER_YUNET", "/dev/zero")
    with pytest.raises(UserError, match=r"FER_YUNET: /dev/zero: not a YuNet model \(over 16 MB\); name "):
        open_detector("yunet")


def test_another_file_from_the_address_is_refused_and_not_kept(nowhere):
    server = nowhere.serve(b"<html>sign in</html>")
    for _ in range(2):
        with pytest.raises(UserError, match="sha256 differs"):
            open_detector("yunet")
    assert nowhere.requests == 1
    assert not nowhere.cached.exists()
    server.shutdown()
    server.server_close()


@needs_yunet
def test_the_download_is_kept_and_a_damaged_copy_is_replaced(nowhere):
    yunet = Path(YUNET).read_bytes()
    assert hashlib.sha256(yunet).hexdigest() == yunet_file.SHA256
    server = nowhere.serve(yunet)
    with ThreadPoolExecutor(4) as pool:
        assert [found.name for found in pool.map(lambda _: open_detector("auto"), range(4))] == ["yunet"] * 4
    assert nowhere.requests == 1
    assert nowhere.cached.read_bytes() == yunet
    nowhere.cached.write_bytes(yunet[:1000])
    yunet_file._download.cache_clear()  # as in another process
    assert open_detector().name == "yunet"
    assert nowhere.requests == 2
    assert nowhere.cached.read_bytes() == yunet
    assert list(nowhere.cached.parent.iterdir()) == [nowhere.cached]
    server.shutdown()
    server.server_close()


def test_the_detectors_are_detectors():
    detector: Detector = CascadeDetector()
    assert detector.name == "cascade"
