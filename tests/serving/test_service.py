"""A real ``bentoml serve`` of a Bento built from a tiny model, spoken to over HTTP."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from fer.delivery.bento import build_bento
from fer.emotions import EMOTIONS
from fer.inference.classifier import Classifier
from fer.inference.image import load_image, to_face

ROOT = Path(__file__).parents[2]
READY_WITHIN = 60  # seconds
FACE = np.random.default_rng(5).integers(0, 256, (48, 48), dtype=np.uint8)

pytestmark = pytest.mark.slow


def encode(image: np.ndarray, suffix: str) -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"no service after {READY_WITHIN} s:\n{log.read_text()}")


@pytest.fixture(scope="module")
def server(model_folder, tmp_path_factory):
    """The service's process and its address; the process and all its children end with the module."""
    folder = tmp_path_factory.mktemp("serving")
    tag = build_bento(model_folder, ROOT, folder / "home")
    port, log = free_port(), folder / "log"
    bentoml = Path(sys.executable).with_name("bentoml")
    command = [bentoml, "serve", tag.replace(tag.split(":")[1], "latest"), "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"BENTOML_HOME": str(folder / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process, log)
        yield process, url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server[1]) as http:
        yield http


def classify(client: httpx.Client, data: bytes, name: str = "face.png") -> httpx.Response:
    return client.post("/classify", files={"image": (name, data)})


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encode(FACE, ".png"), id="grey png"),
        pytest.param(encode(FACE, ".jpg"), id="grey jpeg"),
        pytest.param(encode(cv2.resize(cv2.applyColorMap(FACE, 2), (300, 400)), ".jpg"), id="large colour jpeg"),
    ],
)
def test_the_service_predicts_as_the_classifier_does(client, model_folder, data):
    response = classify(client, data)
    assert response.status_code == 200
    prediction = response.json()
    classifier = Classifier(model_folder)
    expected = classifier.predict(to_face(load_image(data))[np.newaxis])[0]
    assert list(prediction["probabilities"]) == list(EMOTIONS)
    np.testing.assert_allclose(list(prediction["probabilities"].values()), expected, atol=1e-6)
    assert prediction["emotion"] == EMOTIONS[expected.argmax()]
    assert prediction["certain"] is False, "this model has no thresholds"
    assert prediction["model"] == {
        "architecture": "tiny",
        "dataset": "drawn",
        "fingerprint": "0123456789abcdef",
        "version": classifier.card.model_sha256[:12],
    }


def bomb() -> bytes:
    """A PNG of 60 bytes whose header claims 60,000 x 60,000 pixels."""
    data = bytearray(encode(FACE, ".png"))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"I am no image\n" * 50, "not a PNG", id="text"),
        pytest.param(encode(FACE, ".png")[:700], "cut short", id="truncated png"),
        pytest.param(encode(FACE, ".jpg")[:700], "cut short", id="truncated jpeg"),
        pytest.param(bomb(), "60000x60000", id="header bomb"),
    ],
)
def test_junk_is_the_clients_mistake_in_one_line(client, data, words):
    response = classify(client, data)
    assert response.status_code == 400
    (problem,) = response.json()
    assert words in problem["error"]
    assert "\n" not in problem["error"]


def test_a_request_over_the_limit_is_refused(client):
    response = classify(client, bytes(11_000_000))
    assert response.status_code == 413
    assert "larger than 10 MB" in response.text


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param({}, 415, id="no body"),
        pytest.param({"json": {"image": "hello"}}, 415, id="json"),
        pytest.param({"content": b"x", "headers": {"Content-Type": "image/png"}}, 415, id="bare image"),
        pytest.param({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, id="no boundary"),
        pytest.param(
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, id="broken form"
        ),
        pytest.param({"files": {"photo": encode(FACE, ".png")}}, 400, id="another field"),
        pytest.param({"files": [("image", b"1"), ("image", b"2")]}, 400, id="two files"),
        # BentoML's own parser would fetch this address
        pytest.param({"files": {"image": (None, "http://127.0.0.1:9/face.png")}}, 400, id="a url as text"),
    ],
)
def test_other_requests_say_what_to_send(client, request_, status):
    response = client.post("/classify", **request_)
    assert response.status_code == status
    (problem,) = response.json()
    assert problem["error"].endswith("send multipart/form-data with one file named image")


def test_a_hostile_file_name_changes_nothing(client):
    for name in ("a" * 400 + ".png", "../../etc/passwd", "a\0b.png", "/"):
        assert classify(client, encode(FACE, ".png"), name).status_code == 200


def test_eight_clients_at_once_all_get_their_own_prediction(server, model_folder):
    faces = np.random.default_rng(6).integers(0, 256, (8, 48, 48), dtype=np.uint8)

    def ask(face: np.ndarray) -> list[list[float]]:
        with httpx.Client(base_url=server[1], timeout=30) as http:
            responses = [classify(http, encode(face, ".png")) for _ in range(20)]
        assert [response.status_code for response in responses] == [200] * 20
        return [list(response.json()["probabilities"].values()) for response in responses]

    with ThreadPoolExecutor(8) as pool:
        predictions = np.array(list(pool.map(ask, faces)))
    expected = Classifier(model_folder).predict(faces)[:, np.newaxis]
    np.testing.assert_allclose(predictions, np.broadcast_to(expected, predictions.shape), atol=1e-6)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of loaded libraries")
def test_the_server_has_loaded_nothing_of_the_training_side(server, client):
    classify(client, encode(FACE, ".png"))
    libraries = ""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == server[0].pid:
                libraries += (process / "maps").read_text()
        except (OSError, ProcessLookupError):
            continue
    assert "onnxruntime" in libraries
    assert not [name for name in ("tensorflow", "/pandas/", "/sklearn/", "/matplotlib/") if name in libraries]
