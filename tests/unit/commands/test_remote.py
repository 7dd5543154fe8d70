"""``--url``: what a client makes of all that a server may answer, over real connections."""

import json
import socket
import threading
import time
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from typer.testing import CliRunner

from fer.cli import app
from fer.commands import remote
from fer.commands.reading import open_reading
from fer.commands.remote import KEY, NoAnswerError, Service
from fer.emotions import EMOTIONS
from fer.errors import UserError
from fer.inference.faces import Doubt, Face, Photo

THRESHOLDS = dict.fromkeys(EMOTIONS, 0.8) | {"disgust": 1.0}
MODEL = {
    "model": {"architecture": "compact", "dataset": "FER-2013"},
    "classes": list(EMOTIONS),
    "thresholds": THRESHOLDS,
}
PROBABILITIES = dict.fromkeys(EMOTIONS, 1 / 8) | {"happy": 2 / 8}
POINTS = ((20.5, 30.0), (40.0, 30.5), (30.0, 40.0), (22.0, 50.0), (38.0, 50.0))
FACES = (
    Face((10, 20, 60, 70), PROBABILITIES, "happy", (), 0.9, POINTS),
    Face((80, 0, 20, 20), PROBABILITIES, "happy", (Doubt.SMALL, Doubt.PROBABILITY)),
)
PHOTO = Photo(160, 120, "yunet", FACES, "photo")


class Server(ThreadingHTTPServer):
    """Answers with the next of ``script`` (status, headers, body), the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model: tuple[int, dict[str, str], bytes] = (200, {}, json.dumps(MODEL).encode())
        self.script: list[tuple[int, dict[str, str], bytes]] = [(200, {}, json.dumps([PHOTO.to_dict()]).encode())]
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.path, dict(self.headers), body))
        script = self.server.script
        status, headers, content = (
            self.server.model if self.path == "/model" else script.pop(0) if len(script) > 1 else script[0]
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def problem(status, message, headers=None):
    return status, headers or {}, json.dumps({"error": {"code": "x", "message": message}}).encode()


def test_a_photo_comes_back_as_it_was_read(server):
    data = np.random.default_rng(0).integers(0, 256, 3000, np.uint8).tobytes() + b"\r\n--"
    service = Service(server.url + "/")
    assert (service.model, service.dataset, service.classes) == ("compact", "FER-2013", EMOTIONS)
    assert service.photo(data) == PHOTO
    assert open_reading(server.url, None, None, None).smoothing(None).thresholds == THRESHOLDS
    path, headers, body = server.seen[-2]
    assert path == "/analyze"
    assert "Authorization" not in headers
    server.model = (200, {}, json.dumps(MODEL | {"thresholds": {}}).encode())
    assert Service(server.url).thresholds == {}, "a small model is never certain"
    form = BytesParser().parsebytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    (part,) = form.get_payload()
    assert part.get_param("name", header="content-disposition") == "images"
    assert data in body
    assert len(body) == int(headers["Content-Length"])


def test_the_key_goes_along_where_there_is_one(server, monkeypatch):
    monkeypatch.setenv(KEY, "secret")
    Service(server.url).photo(b"x")
    assert {headers["Authorization"] for _, headers, _ in server.seen} == {"Bearer secret"}


def test_neither_photos_nor_the_key_follow_a_redirection(server, monkeypatch):
    monkeypatch.setenv(KEY, "secret")
    service = Service(server.url)
    server.script = [(307, {"Location": f"{server.url}/elsewhere"}, b"")]
    with pytest.raises(UserError, match="HTTP 307"):
        service.photo(b"x")
    assert {path for path, _, _ in server.seen} == {"/model", "/analyze"}


def test_a_busy_service_is_asked_again_when_it_says(server):
    busy = problem(503, "more is waiting than can be answered in time", {"Retry-After": "1"})
    server.script = [busy, busy, *server.script]
    service, start = Service(server.url), time.monotonic()
    assert service.photo(b"x") == PHOTO
    assert len(server.seen) == 4
    assert 2 <= time.monotonic() - start < 10


def test_patience_ends(server, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 2.5)
    server.script = [problem(503, "too much is waiting", {"Retry-After": "1"})]
    with pytest.raises(UserError, match=r"/analyze: too much is waiting \(HTTP 503\)"):
        Service(server.url).photo(b"x")
    assert len(server.seen) == 4


@pytest.mark.parametrize(("header", "seconds"), [("2", 2), ("0", 0), ("999999999", 30), ("-3", 1), ("nan", 1), ("", 1)])
def test_what_a_service_may_ask_to_wait(header, seconds):
    assert remote._pause({"Retry-After": header}) == seconds
    assert remote._pause({}) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (problem(400, "the image cannot be decoded; the file is damaged"), r"the file is damaged \(HTTP 400\)"),
        (problem(422, "image 'photo': the file is damaged"), r"^the file is damaged \(HTTP 422\)$"),
        (problem(401, "no key, or the wrong one"), r"wrong one \(HTTP 401\); put its key into FER_API_KEY"),
        (problem(413, "line one\n\x1b[31mline two " + "x" * 500), r"line one \[31mline two x+ \(HTTP 413\)"),
        ((500, {}, b"<html>oh</html>"), r"Internal Server Error \(HTTP 500\)"),
        ((502, {}, b"[]"), r"Bad Gateway \(HTTP 502\)"),
        ((200, {}, b"<html>hello</html>"), "answers no JSON; check the address"),
        ((200, {}, b"\xff\xfe\xfa"), "answers no JSON; check the address"),
        ((200, {}, b"[]"), "an answer of another version"),
        ((200, {}, b"{}"), "an answer of another version"),
        ((200, {}, b"[[]]"), "an answer of another version"),
        ((200, {}, json.dumps([PHOTO.to_dict()] * 2).encode()), "an answer of another version"),
        ((200, {}, json.dumps([PHOTO.to_dict() | {"faces": [{}]}]).encode()), "an answer of another version"),
        ((200, {"Content-Length": "999"}, b"[1"), "no answer"),
    ],
)
def test_what_a_service_has_against_it_is_one_line(server, answer, words):
    service = Service(server.url)
    server.script = [answer]
    with pytest.raises(UserError, match=words) as caught:
        service.photo(b"x")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ((404, {}, b"nothing"), r"/model: Not Found \(HTTP 404\); give the service's address alone"),
        ((200, {}, b"{}"), "is no service of fer; check the address"),
        ((200, {}, b"[1]"), "is no service of fer; check the address"),
        ((200, {}, b"<html>"), "answers no JSON"),
        (problem(401, "no key"), "put its key into FER_API_KEY"),
    ],
)
def test_another_kind_of_server_is_noticed_at_once(server, model, words):
    server.model = model
    with pytest.raises(UserError, match=words):
        Service(server.url)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:3000",
        "file:///etc/passwd",
        "ftp://x",
        "http://",
        "",
        "http://[bad",
        "http://a:x",
        "http://a:99999",
        "http://a..b",
    ],
)
def test_what_is_no_address_is_one_line(url):
    with pytest.raises(UserError, match="not an address"):
        Service(url)


@pytest.mark.parametrize(
    "url", ["http://me:s3cret@a", "http://a/?token=s3cret", "http://a/#s3cret", "http://me:s3cret@a:99999"]
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(url):
    with pytest.raises(UserError, match=f"{KEY}") as refused:
        Service(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("key", ["a\nb", "a\tb"])
def test_a_key_that_no_header_carries_is_said(server, monkeypatch, key):
    monkeypatch.setenv(KEY, key)
    with pytest.raises(UserError, match=f"{KEY}: "):
        Service(server.url)


def test_a_key_is_sent_without_its_line_end_and_in_utf_8(server, monkeypatch):
    monkeypatch.setenv(KEY, "ключ\n")
    Service(server.url)
    assert server.seen[0][1]["Authorization"].encode("latin-1") == "Bearer ключ".encode()


def test_where_nothing_answers_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NoAnswerError, match=f"http://127.0.0.1:{port}: no answer .*; is the service running"):
        Service(f"http://127.0.0.1:{port}")


def test_a_server_that_speaks_no_http_is_one_line():
    def speak(listening):
        connection, _ = listening.accept()
        connection.sendall(b"SSH-2.0-OpenSSH\r\n")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=speak, args=(listening,), daemon=True).start()
        with pytest.raises(NoAnswerError, match="no answer"):
            Service(f"http://127.0.0.1:{listening.getsockname()[1]}")


def test_the_command_prints_what_the_service_found(server, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"the service decodes it")
    done = CliRunner().invoke(app, ["photo", str(tmp_path), "--url", server.url])
    assert done.exit_code == 0, done.output
    assert "25 %  60x70 at 10,20" in done.stdout
    assert "small face, low probability" in done.stdout
    assert f"model: compact, trained on FER-2013 ({server.url})" in done.stderr


def test_a_photo_that_the_service_refuses_is_skipped_and_one_that_nobody_answers_ends_it(server, tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.jpg").write_bytes(b"x")
    good = server.script[0]
    server.script = [good, problem(400, "damaged"), good, (200, {"Content-Length": "9"}, b"")]
    done = CliRunner().invoke(app, ["photo", str(tmp_path), "--url", server.url, "--json"])
    assert done.exit_code == 1
    assert ["problem" in json.loads(line) for line in done.stdout.splitlines()] == [False, True, False, True]
    told = done.stderr.splitlines()
    assert told[-4:-2] == ["2 photos, 4 faces", "not read: 2"]
    assert "b.jpg: " in told[-2]
    assert "damaged (HTTP 400)" in told[-2]
    assert "d.jpg: " in told[-1]
