"""The Bento itself, as BentoML serves it and as a container would run it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from services import encode, noise

from fer.delivery.bento import build_bento
from fer.inference.classifier import Card

ROOT = Path(__file__).parents[2]
BENTOML = Path(sys.executable).with_name("bentoml")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bento")
    build_bento(model_folder, ROOT, folder / "home")
    return folder / "home"


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BENTOML_", "FER_SERVE_"))}
    return kept | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end(process: subprocess.Popen) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
    process.kill()
    process.wait(10)


def test_bentoml_serves_it_and_a_flipped_bit_is_one_line_instead_of_a_restart_loop(home, model_folder):
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [BENTOML, "serve", "fer-service:latest", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=home.parent, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{url}/readyz", timeout=5, verify=False).status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        answer = httpx.post(f"{url}/classify", files={"images": encode(noise())})
        assert answer.status_code == 200
        assert answer.headers["X-Model-Version"] == Card.load(model_folder).model_sha256[:12]
        assert httpx.get(f"{url}/").headers["Content-Type"].startswith("text/html")
        assert "/classify" in httpx.get(f"{url}/docs.json").json()["paths"]
        assert httpx.get(f"{url}/random/path").json()["error"]["code"] == "not_found"
    finally:
        end(process)

    (model,) = (home / "models").rglob("model.onnx")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    done = subprocess.run(
        command, cwd=home.parent, env=environment(home), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode != 0
    assert "sha256 differs" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_its_dockerfile_is_written_without_an_engine(home, tmp_path):
    """What ``bentoml containerize`` gives to the engine."""
    code = (
        "import bentoml, sys; from bentoml._internal.container import construct_containerfile as made\n"
        "with made(bentoml.get('fer-service:latest'), enable_buildkit=False) as (context, name):\n"
        "    import pathlib; print((pathlib.Path(context) / name).read_text())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("#") or "FROM " in done.stdout
    assert "python:3.11" in done.stdout
    assert "USER bentoml" in done.stdout
    assert "ENV ORT_DISABLE_TELEMETRY" in done.stdout
