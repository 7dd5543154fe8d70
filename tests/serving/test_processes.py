"""``fer serve`` as a process: what it says, what it survives, what it leaves."""

import os
import resource
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from onnx_models import write_card, write_model
from services import FER, encode, noise, serving, temporary

from fer.inference.classifier import Card
from fer.monitoring.records import read_records

#: Headers that carry no key, or not the right one in the right place.
WRONG = ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer s3cre"}, {"Authorization": "Basic s3cret"})

pytestmark = pytest.mark.slow


def fer_serve(cwd: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [FER, "serve", *arguments], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def eventually(what, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise TimeoutError


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=5, verify=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5, 1.0])
def test_ctrl_c_while_it_starts_is_no_traceback(tmp_path, model_folder, seconds):
    command = [FER, "serve", "--port", "0", "--model", model_folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        while b"http://" not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
        said = process.stdout.read().decode()
    assert "Traceback" not in said
    # Before the supervisor listens to signals, Python itself ends.
    assert (process.returncode, said.splitlines()[-1:]) in ((0, ["serve: stopped"]), (130, []))


def test_from_any_folder_it_says_which_model_and_why_survives_a_kill_and_leaves_nothing(tmp_path):
    """One server for all: a start takes seconds."""
    folder = tmp_path / "anywhere"
    write_card(write_model(folder / "champion"), drawn=True)
    with serving(folder) as service:
        log = service.log.read_text()
        assert "released (compact, trained on FER-2013); champion/ knows drawn faces alone" in log
        assert service.url.startswith("http://127.0.0.1:")

        port = service.url.rsplit(":", 1)[1]
        taken = fer_serve(tmp_path, "--port", port)
        assert taken.returncode == 1
        assert taken.stderr == (
            f"error: serve: cannot listen on 127.0.0.1 port {port} (Address already in use); choose another --port\n"
        )

        (worker,) = service.workers()
        worker.kill()
        eventually(lambda: service.workers() and service.workers() != [worker])
        assert eventually(lambda: answers(service.url)), "the killed worker is replaced"

        with ThreadPoolExecutor(4) as pool, service.client() as client:
            photos = [("images", (f"{i}.png", encode(noise(400, 400, i)))) for i in range(20)]
            waiting = [pool.submit(client.post, "/analyze", files=photos) for _ in range(4)]
            time.sleep(0.3)
            service.process.send_signal(signal.SIGTERM)
            assert [future.result().status_code for future in waiting] == [200] * 4, "what is in flight is finished"
        assert service.process.wait(30) == 0
        assert service.lines()[-1] == "serve: stopped"
    assert list(temporary(folder).iterdir()) == []


def test_the_port_and_the_folder_do_not_outlive_a_supervisor_that_is_killed(tmp_path, model_folder):
    with serving(tmp_path, "--model", model_folder) as service:
        (worker,) = service.workers()
        service.process.kill()
        eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
        assert not answers(service.url)
        eventually(lambda: not list(temporary(tmp_path).iterdir()), 10)


def test_two_workers_count_together_and_ask_for_the_key(tmp_path, model_folder):
    settings = {"workers": 2, "api_key": "s3cret", "cors_origins": "https://page.example", "monitor": tmp_path / "kept"}
    with serving(tmp_path, "--model", model_folder, **settings) as service:
        assert len(service.workers()) == 2
        files = 2 * [("images", encode(noise()))]
        with service.client() as client:
            assert client.get("/livez").status_code == 200
            assert client.get("/").status_code == 200
            for headers in WRONG:
                refused = client.post("/classify", files=files, headers=headers)
                assert refused.status_code == 401
                assert refused.json()["error"]["code"] == "unauthorized"
            for headers in ({"X-API-Key": "s3cret"}, {"Authorization": "Bearer s3cret"}):
                assert client.post("/classify", files=files, headers=headers).status_code == 200
            preflight = client.options(
                "/classify", headers={"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
            )
            assert preflight.headers["Access-Control-Allow-Origin"] == "https://page.example"
            stranger = client.get("/model", headers={"X-API-Key": "s3cret", "Origin": "https://other.example"})
            assert "Access-Control-Allow-Origin" not in stranger.headers
        for _ in range(20):
            with service.client(headers={"X-API-Key": "s3cret"}) as client:
                client.post("/classify", files=files)
        text = httpx.get(f"{service.url}/metrics", headers={"X-API-Key": "s3cret"}).text
        assert 'fer_faces_total{endpoint="classify"} 44.0' in text
        seen = read_records(tmp_path / "kept", Card.load(model_folder).version, newest=100)
        assert (len(seen.table), seen.damaged, dict(seen.others)) == (44, 0, {})
        assert seen.table[["brightness", "contrast", "sharpness"]].notna().all(axis=None)
        said = service.log.read_text()
        assert "s3cret" not in said
        assert "is duplicated" not in said, "what BentoML's monitor says of a request with two faces"


def test_slow_silent_and_surplus_connections_are_closed(tmp_path, model_folder):
    with serving(tmp_path, "--model", model_folder, header_seconds=1, body_seconds=1, max_connections=20) as service:
        place = ("127.0.0.1", int(service.url.rsplit(":", 1)[1]))
        silent = socket.create_connection(place)
        dripping = socket.create_connection(place)
        slow = socket.create_connection(place)
        slow.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\na")
        dripping.sendall(b"GET /livez HTTP/1.1\r\n")
        for connection in (silent, dripping, slow):
            connection.settimeout(10)
        assert silent.recv(1000) == b""
        assert dripping.recv(1000) == b""
        assert slow.recv(1000).startswith(b"HTTP/1.1 408")

        held = [socket.create_connection(place) for _ in range(40)]
        assert any(connection.recv(1000).startswith(b"HTTP/1.1 503") for connection in held[25:])
        for connection in held:
            connection.close()
        assert eventually(lambda: answers(service.url))


def test_open_files_are_enough_for_all_connections_or_it_does_not_start(tmp_path, model_folder):
    """At ``ulimit -n 64`` and 120 silent connections asyncio wrote 577,161 lines in 15 seconds."""
    command = ["sh", "-c", 'ulimit -n 64; exec "$0" serve --port 0', FER]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: serve: FER_SERVE_MAX_CONNECTIONS=512 takes 992 open files, and the system allows 64; "
        "set fewer, or raise it (ulimit -n 992)\n"
    )

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        starting = serving(tmp_path, "--model", model_folder, max_connections=100)
        service = starting.__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        place = ("127.0.0.1", int(service.url.rsplit(":", 1)[1]))
        held = [socket.create_connection(place) for _ in range(300)]
        time.sleep(1)
        for connection in held:
            connection.close()
        assert eventually(lambda: answers(service.url))
        assert not [line for line in service.lines() if "out of system resource" in line]
    finally:
        starting.__exit__(None, None, None)


def test_clients_that_do_not_read_are_let_go_and_web_sockets_are_none(tmp_path, model_folder):
    """Whoever asks and never reads would hold a connection for ever."""
    with serving(tmp_path, "--model", model_folder, header_seconds=1, body_seconds=5) as service:
        place = ("127.0.0.1", int(service.url.rsplit(":", 1)[1]))
        asking = b"GET /page/style.css HTTP/1.1\r\nHost: x\r\n"
        deaf = []
        for head in (asking * 0, asking + b"Connection: close\r\n"):
            deaf.append(connection := socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(place)
            connection.sendall((asking + b"\r\n") * 900 + (head + b"\r\n" if head else b""))
        (worker,) = service.workers()
        eventually(lambda: sum(c.status == "ESTABLISHED" for c in worker.net_connections()) == 2)
        eventually(lambda: not [c for c in worker.net_connections() if c.status != "LISTEN"], 30)

        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        assert httpx.get(f"{service.url}/nothing", headers=upgrade).json()["error"]["code"] == "not_found"
        assert "Unsupported upgrade" not in service.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--model", "nowhere"), {}, "nowhere: no such folder"),
        (("--host", "203.0.113.1"), {}, "(Cannot assign requested address); choose another --host"),
        ((), {"FER_SERVE_MAX_BYTES": "x"}, "FER_SERVE_MAX_BYTES: "),
        ((), {"FER_YUNET": "/nowhere/yunet.onnx"}, "FER_YUNET: /nowhere/yunet.onnx: cannot be read"),
        ((), {"FER_SERVE_MONITOR": "/dev/null/kept"}, "FER_SERVE_MONITOR: /dev/null/kept: cannot be written"),
    ],
)
def test_a_mistake_at_start_is_one_line(tmp_path, arguments, environment, words):
    done = fer_serve(tmp_path, *arguments, **environment)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_flipped_bit_of_the_model_is_noticed_before_anything_starts(tmp_path):
    model = write_model(tmp_path / "model") / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    done = fer_serve(tmp_path, "--model", "model")
    assert done.returncode == 1
    assert "sha256 differs" in done.stderr
    assert done.stderr.count("\n") == 1
