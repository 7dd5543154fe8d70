"""A real ``fer serve`` of a tiny model, spoken to over HTTP."""

import json
import re
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from services import encode, noise, serving, temporary

from fer.emotions import EMOTIONS
from fer.inference.classifier import Classifier
from fer.inference.image import load_image
from fer.inference.resize import to_face
from fer.serving import answers

FACE = noise(seed=5)
PNG = encode(FACE)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def service(model_folder, folder):
    with serving(folder, "--model", model_folder, max_bytes=5_000_000, max_images=70) as running:
        yield running


@pytest.fixture
def client(service):
    with service.client() as http:
        yield http


def images(*data: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (f"{number}.png", part)) for number, part in enumerate(data)]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health(client, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PNG, id="grey png"),
        pytest.param(encode(FACE, ".jpg"), id="grey jpeg"),
        pytest.param(encode(cv2.resize(cv2.applyColorMap(FACE, 2), (300, 400)), ".jpg"), id="large colour jpeg"),
    ],
)
def test_the_service_predicts_as_the_classifier_does(client, model_folder, data):
    response = client.post("/classify", files=images(data))
    assert response.status_code == 200, response.text
    (face,) = response.json()
    classifier = Classifier(model_folder)
    expected = classifier.predict(to_face(load_image(data))[np.newaxis])[0]
    assert list(face["probabilities"]) == list(EMOTIONS)
    np.testing.assert_allclose(list(face["probabilities"].values()), expected, atol=1e-6)
    assert face["emotion"] == EMOTIONS[expected.argmax()]
    assert face["certain"] is False, "this model has no thresholds"
    assert face["name"] == "0.png"
    assert response.headers["X-Model-Version"] == classifier.card.model_sha256[:12]


def test_a_body_that_is_an_image_is_read_as_the_form_is(client):
    form = client.post("/classify", files=images(PNG)).json()
    for kind in ("image/png", "image/jpeg", "application/octet-stream", "IMAGE/PNG"):
        raw = client.post("/classify", content=PNG, headers={"Content-Type": kind})
        assert raw.json() == [form[0] | {"name": None}]


def test_many_crops_are_answered_in_their_order(client, model_folder):
    crops = [noise(seed=seed) for seed in range(70)]
    faces = client.post("/classify", files=images(*map(encode, crops))).json()
    assert [face["name"] for face in faces] == [f"{number}.png" for number in range(70)]
    expected = Classifier(model_folder).predict(np.stack(crops))
    np.testing.assert_allclose([list(face["probabilities"].values()) for face in faces], expected, atol=1e-6)


def test_a_photo_is_analyzed_under_the_callers_boxes(client, model_folder):
    photo = noise(100, 200)
    boxes = [[10, 20, 48, 48], [150, 50, 48, 48]]
    response = client.post("/analyze", files=images(encode(photo)), data={"boxes": json.dumps([boxes])})
    assert response.status_code == 200, response.text
    (answer,) = response.json()
    assert (answer["width"], answer["height"], answer["detector"], answer["name"]) == (200, 100, "given", "0.png")
    assert [face["box"] for face in answer["faces"]] == boxes
    raw = client.post("/analyze", content=encode(photo), headers={"Content-Type": "image/png"})
    assert raw.json()[0]["detector"] != "given"
    same = client.post(
        "/analyze", content=encode(photo), headers={"Content-Type": "image/png"}, params={"boxes": json.dumps([boxes])}
    )
    assert same.json() == [answer | {"name": None}]


def test_several_photos_some_with_boxes(client):
    files = images(encode(noise(60, 60)), encode(noise(80, 80)))
    first, second = client.post("/analyze", files=files, data={"boxes": "[null, [[0, 0, 48, 48]]]"}).json()
    assert first["detector"] != "given"
    assert second["detector"] == "given"
    assert len(second["faces"]) == 1


def bomb(side: int = 60_000, *depth: int) -> bytes:
    """A PNG of 60 bytes whose header claims ``side`` x ``side`` pixels, of other bits and channels where told."""
    data = bytearray(PNG)
    data[16:24] = struct.pack(">II", side, side)
    data[24 : 24 + len(depth)] = bytes(depth)
    return bytes(data)


def problem(response: httpx.Response) -> dict[str, str]:
    """The one form of every error."""
    assert response.headers["Content-Type"] == "application/json"
    error = answers.Error.model_validate(response.json()).error
    assert "\n" not in error.message
    return error.model_dump()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"I am no image\n" * 50, "not a", id="text"),
        pytest.param(PNG[:700], "cut short", id="truncated png"),
        pytest.param(encode(FACE, ".jpg")[:700], "cut short", id="truncated jpeg"),
    ],
)
@pytest.mark.parametrize("path", ["/classify", "/analyze"])
def test_junk_is_the_clients_mistake_in_one_line(client, path, data, words):
    response = client.post(path, files=images(PNG, data))
    assert response.status_code == 422
    said = problem(response)
    assert said["code"] == "unreadable_image"
    assert words in said["message"]
    assert "image 2 of 2 '1.png'" in said["message"]


@pytest.mark.parametrize("path", ["/classify", "/analyze"])
def test_pixels_are_counted_before_they_are_decoded(client, path):
    response = client.post(path, files=images(PNG, bomb()))
    assert response.status_code == 413
    assert problem(response)["code"] == "too_many_pixels"
    assert "60000x60000" in problem(response)["message"]
    response = client.post(path, files=images(PNG, bomb(4_000, 16, 6)))
    assert response.status_code == 413, "16 megapixels of four channels with 16 bits"
    assert "takes 128 MB when decoded, more than 100; send a smaller one, or 8 bits" in problem(response)["message"]


def test_many_large_crops_are_read_a_few_at_a_time(client, model_folder):
    crops = [cv2.resize(noise(seed=seed), (1500, 1500), interpolation=cv2.INTER_CUBIC) for seed in range(4)]
    faces = client.post("/classify", files=images(*(encode(crop, ".jpg") for crop in crops))).json()
    expected = Classifier(model_folder).predict(np.stack([to_face(load_image(encode(c, ".jpg"))) for c in crops]))
    np.testing.assert_allclose([list(face["probabilities"].values()) for face in faces], expected, atol=1e-6)


def test_a_request_over_the_limits_is_refused(client):
    response = client.post("/classify", content=bytes(6_000_000), headers={"Content-Type": "image/png"})
    assert response.status_code == 413
    assert problem(response)["code"] == "too_large"
    response = client.post("/classify", files=images(*[PNG] * 71))
    assert response.status_code == 413
    assert problem(response)["code"] == "too_many_images"


def test_a_body_without_a_length_is_counted_as_it_comes(client):
    def endless():
        for _ in range(600):
            yield bytes(10_000)

    response = client.post("/classify", content=endless(), headers={"Content-Type": "image/png"})
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param({}, 415, id="no body"),
        pytest.param({"json": {"image": "hello"}}, 415, id="json"),
        pytest.param({"content": b"x", "headers": {"Content-Type": b"\xc1"}}, 415, id="no media type"),
        pytest.param({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, id="no boundary"),
        pytest.param(
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, id="broken form"
        ),
        pytest.param({"files": {"photo": PNG}}, 400, id="another field"),
        # BentoML's own parser would fetch this address.
        pytest.param({"files": {"images": (None, "http://127.0.0.1:9/face.png")}}, 400, id="a url as text"),
    ],
)
@pytest.mark.parametrize("path", ["/classify", "/analyze"])
def test_other_requests_say_what_to_send(client, path, request_, status):
    response = client.post(path, **request_)
    assert response.status_code == status
    assert "send multipart/form-data with files named images" in problem(response)["message"]


def test_a_file_without_a_name_is_told_apart_from_no_file(client):
    response = client.post("/classify", files={"images": (None, encode(noise()), "image/png")})
    assert response.status_code == 400
    assert problem(response)["message"].startswith("images has no filename, and so is text; send multipart")


@pytest.mark.parametrize(
    "boxes",
    ["", "{", "3", "[]", "[[], []]", '[["a"]]', "[[[0, 0, 0, 5]]]", "[[[0, 0, 5]]]", "[[[0, 0, 5, 1e99]]]", "[" * 5000],
)
def test_boxes_of_another_form_are_refused(client, boxes):
    response = client.post("/analyze", files=images(PNG), data={"boxes": boxes})
    assert response.status_code == 400
    assert problem(response)["code"] == "bad_boxes"


@pytest.mark.parametrize(
    ("path", "request_", "words"),
    [
        ("/analyze", {"files": images(PNG), "data": {"box": "[[[0, 0, 9, 9]]]"}}, "no field 'box'; known here: boxes"),
        ("/analyze", {"files": images(PNG), "params": {"boxes": "[null]"}}, "no parameter beside a form 'boxes'"),
        ("/analyze", {"files": images(PNG), "params": {"min_face": 3}}, "'min_face'; none is known here"),
        ("/analyze", {"content": PNG, "headers": {"Content-Type": "image/png"}, "params": {"box": "[]"}}, "'box'"),
        ("/classify", {"files": images(PNG), "data": {"boxes": "[]"}}, "no field 'boxes'; none is known here"),
        ("/video/submit", {"files": {"video": PNG}, "params": {"rate": 3}}, "no parameter 'rate'"),
        ("/video/submit", {"files": {"film": PNG}}, "no field 'film'; known here: video"),
    ],
)
def test_a_misspelt_field_is_refused(client, path, request_, words):
    """The defect: it was ignored, and the answer another one than was asked for."""
    response = client.post(path, **request_)
    assert response.status_code == 400
    assert words in problem(response)["message"]
    assert problem(response)["code"] == "unknown_field"


def test_a_field_given_twice_is_refused(client):
    asked = {"content": PNG, "headers": {"Content-Type": "image/png"}, "params": {"boxes": ["[null]", "[[]]"]}}
    assert problem(client.post("/analyze", **asked))["code"] == "repeated_field"
    asked = {"files": images(PNG), "data": {"boxes": ["[null]", "[[]]"]}}
    assert problem(client.post("/analyze", **asked))["message"] == "the field 'boxes' twice; give it once"


@pytest.mark.parametrize("path", ["status", "get", "cancel"])
def test_a_task_is_asked_for_by_nothing_else(client, path):
    asked = {"task_id": "1", "form" if path == "get" else "format": "csv"}
    response = client.request("PUT" if path == "cancel" else "GET", f"/video/{path}", params=asked)
    assert (response.status_code, problem(response)["code"]) == (400, "unknown_field")


def test_a_box_outside_the_image_is_refused(client):
    response = client.post("/analyze", files=images(PNG), data={"boxes": "[[[500, 500, 20, 20]]]"})
    assert response.status_code == 422
    assert problem(response)["code"] == "bad_boxes"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/page/../../../etc/passwd", 404, "not_found"),
        ("GET", "/page/%2e%2e/service.py", 404, "not_found"),
        ("GET", "/classify", 405, "method_not_allowed"),
        ("DELETE", "/model", 405, "method_not_allowed"),
        ("POST", "/livez", 405, "method_not_allowed"),
        ("PATCH", "/", 405, "method_not_allowed"),
    ],
)
def test_addresses_and_methods_that_are_not_there(client, method, path, status, code):
    response = client.request(method, path)
    assert response.status_code == status
    assert problem(response)["code"] == code


def test_a_hostile_file_name_changes_nothing(client):
    for name in ("a" * 400 + ".png", "../../etc/passwd", "a\0b.png", "/", "\u202egnp.exe"):
        assert client.post("/classify", files={"images": (name, PNG)}).status_code == 200


def test_the_model_says_what_it_may_not_be_used_for(client, model_folder):
    about = answers.ModelAnswer.model_validate(client.get("/model").json())
    assert about.sha256 == Classifier(model_folder).card.model_sha256
    assert any("Article 5(1)(f)" in line for line in about.use.forbidden)
    assert any("Article 50" in line for line in about.use.duties)
    assert about.limits["max_bytes"] == 5_000_000


def test_every_answer_carries_the_version_and_the_security_headers(client):
    for response in (client.get("/model"), client.get("/nothing"), client.get("/"), client.post("/classify")):
        assert response.headers["X-Model-Version"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in response.headers


def test_nothing_of_the_service_names_an_outside_address(client):
    for path in ("/", "/openapi.json"):
        text = client.get(path).text
        assert not [word for word in text.split('"') if word.startswith(("http://", "https://", "//"))], path


def test_eight_clients_at_once_all_get_their_own_prediction(service, model_folder):
    faces = np.random.default_rng(6).integers(0, 256, (8, 48, 48), dtype=np.uint8)

    def ask(face: np.ndarray) -> list[list[float]]:
        with service.client() as http:
            responses = [http.post("/classify", files=images(encode(face))) for _ in range(20)]
        assert [response.status_code for response in responses] == [200] * 20
        return [list(response.json()[0]["probabilities"].values()) for response in responses]

    with ThreadPoolExecutor(8) as pool:
        predictions = np.array(list(pool.map(ask, faces)))
    expected = Classifier(model_folder).predict(faces)[:, np.newaxis]
    np.testing.assert_allclose(predictions, np.broadcast_to(expected, predictions.shape), atol=1e-6)


def test_an_answer_is_not_held_back_until_its_head_is_acknowledged(client):
    """Without TCP_NODELAY every answer on a kept connection takes over 40 ms."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        client.get("/livez")
        times.append(time.perf_counter() - start)
    assert min(times[5:]) < 0.03


def test_metrics_name_routes_and_count_faces(client):
    client.post("/classify", files=images(PNG, PNG))
    for number in range(20):
        client.get(f"/random/{number}/{'x' * 500}")
    text = client.get("/metrics").text
    assert 'fer_requests_total{method="POST",route="/classify",status="200"}' in text
    assert 'fer_requests_total{method="GET",route="other",status="404"}' in text
    assert "xxxx" not in text
    assert 'fer_faces_total{endpoint="classify"}' in text
    assert 'fer_rejected_total{code="not_found"}' in text
    assert "fer_confidence_bucket" in text


def test_a_bad_request_is_one_line_of_the_log(service, client):
    before = len(service.lines())
    client.get("/not/there%0aERROR%20forged")
    client.post("/classify", content=b"x", headers={"Content-Type": "text/plain"})
    time.sleep(0.5)
    lines = service.lines()[before:]
    assert len(lines) == 2, lines
    assert all(" WARNING fer.serving: " in line for line in lines)


def test_a_client_that_hangs_up_is_no_error(service, client):
    before = len(service.lines())
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", int(service.url.rsplit(":", 1)[1]))) as connection:
            connection.sendall(
                b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99999\r\n\r\nabc"
            )
            time.sleep(0.1)
    time.sleep(0.5)
    lines = service.lines()[before:]
    assert len(lines) == 5
    assert all(line.endswith("POST /classify 499 the client has gone") for line in lines), lines
    assert 'status="500"' not in client.get("/metrics").text


def test_what_is_no_http_is_refused_in_json(service):
    with socket.create_connection(("127.0.0.1", int(service.url.rsplit(":", 1)[1]))) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = connection.recv(4096).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 400")
    assert json.loads(body)["error"]["code"] == "bad_request"


def test_a_large_upload_leaves_no_file_and_the_log_no_pixel(service, client, folder):
    large = encode(noise(1500, 1500))
    assert len(large) > 2_000_000
    before = set(temporary(folder).rglob("*"))
    assert client.post("/analyze", files=images(large)).status_code == 200
    assert set(temporary(folder).rglob("*")) == before


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Linux's list of loaded libraries")
def test_the_server_has_loaded_nothing_of_the_training_side(service, client):
    client.post("/classify", files=images(PNG))
    libraries = " ".join(item.path for worker in service.workers() for item in worker.memory_maps())
    assert "onnxruntime" in libraries
    assert not [name for name in ("tensorflow", "/pandas/", "/sklearn/", "/matplotlib/") if name in libraries]


def test_every_metric_and_label_of_the_dashboard_is_exported(client):
    client.post("/classify", files=images(PNG))
    client.get("/nowhere")
    exported: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            exported.setdefault(sample.name, set()).update(sample.labels)
    dashboard = json.loads((Path(__file__).parents[2] / "deploy/grafana/dashboards/service.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) > 10
    for expression in expressions:
        names = re.findall(r"fer_\w+", expression)
        assert set(names) <= exported.keys(), expression
        asked = set(re.findall(r"by \(([\w, ]+)\)", expression)) | set(re.findall(r"\{(\w+)=", expression))
        # A doubt is counted where there is one.
        assert asked - {"reason"} <= set().union(*(exported[name] for name in names)), expression
