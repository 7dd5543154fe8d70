"""Videos over HTTP: submitted, asked after, fetched, cancelled."""

import csv
import io
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from services import encode, noise, serving, temporary
from videos import write_video

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def clip(folder):
    return write_video(folder / "clip.mp4", frames=30).read_bytes()


@pytest.fixture(scope="module")
def long_clip(folder):
    """Longer than the service allows."""
    return write_video(folder / "long.mp4", frames=400, rate=5).read_bytes()


@pytest.fixture(scope="module")
def service(model_folder, folder):
    limits = {"max_video_bytes": 20_000_000, "max_video_seconds": 50, "max_videos": 2}
    with serving(folder, "--model", model_folder, **limits) as running:
        yield running


@pytest.fixture
def client(service):
    with service.client() as http:
        yield http


def submit(client, data: bytes) -> str:
    answer = client.post("/video/submit", files={"video": ("clip.mp4", data)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "in_progress"
    return answer.json()["task_id"]


def finished(client, task_id: str) -> dict:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        task = client.get("/video/status", params={"task_id": task_id}).json()
        if task["status"] != "in_progress":
            return task
        time.sleep(0.1)
    raise TimeoutError


def test_a_video_is_read_frame_by_frame(client, clip, folder, model_folder):
    task_id = submit(client, clip)
    task = finished(client, task_id)
    assert (task["status"], task["frames"], task["message"]) == ("completed", 30, None)
    assert task["seconds"] == pytest.approx(29 / 25, abs=0.01)
    frames = client.get("/video/get", params={"task_id": task_id}).json()
    assert [frame["frame"] for frame in frames] == list(range(30))
    table = client.get("/video/get", params={"task_id": task_id, "format": "csv"})
    assert table.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert len(rows) == sum(len(frame["faces"]) for frame in frames)
    assert table.text.startswith("frame,time,track,detector,box_left")
    assert client.get("/video/get", params={"task_id": task_id, "format": "xml"}).status_code == 400
    # Byte for byte what the command prints for the same file, its line ends included.
    (folder / "sent.mp4").write_bytes(clip)
    command = [Path(sys.executable).with_name("fer"), "video", folder / "sent.mp4", "--csv", "--model", model_folder]
    assert table.content == subprocess.run(command, capture_output=True, check=True).stdout


def test_a_body_that_is_a_video_is_taken_too(client, clip):
    answer = client.post("/video/submit", content=clip, headers={"Content-Type": "video/mp4"})
    assert finished(client, answer.json()["task_id"])["frames"] == 30


def test_a_cut_video_is_answered_as_far_as_it_goes_and_one_without_frames_fails(client, clip, folder):
    avi = write_video(folder / "cut.avi", frames=60).read_bytes()
    cut = finished(client, submit(client, avi[: len(avi) // 2]))
    assert cut["status"] == "completed"
    assert 0 < cut["frames"] < 60
    assert "ends early" in cut["message"]
    assert "/dev/fd" not in cut["message"]
    task = finished(client, submit(client, clip[:500]))
    assert task["status"] == "failed"
    assert task["message"]
    assert "/dev/fd" not in task["message"]
    refused = client.get("/video/get", params={"task_id": task["task_id"]})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "not_completed"


@pytest.mark.parametrize("data", [encode(noise(), ".jpg"), b"", b"no video"], ids=["jpeg", "empty", "text"])
def test_what_is_no_video_is_refused_at_once_and_takes_no_room(client, data):
    for _ in range(3):  # of two videos at a time
        form = client.post("/video/submit", files={"video": ("clip.mp4", data)})
        raw = client.post("/video/submit", content=data, headers={"Content-Type": "video/mp4"})
        for answer in (form, raw):
            assert answer.status_code == 415, answer.text
            assert answer.json()["error"]["code"] == "not_a_video"


def test_json_ends_with_a_newline(client, clip):
    task_id = submit(client, clip)
    finished(client, task_id)
    found = client.get("/video/get", params={"task_id": task_id})
    asked = client.get("/video/status", params={"task_id": task_id})
    own, unknown, method = client.get("/video/get"), client.get("/nothing"), client.get("/video/submit")
    for answer in (found, asked, client.get("/model"), own, unknown, method):
        assert answer.text.endswith("}\n") or answer.text.endswith("]\n"), answer.url
        assert answer.json()


def test_too_many_too_long_too_large(client, service, long_clip):
    first, second = submit(client, long_clip), submit(client, long_clip)
    refused = client.post("/video/submit", files={"video": long_clip})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0

    assert client.put("/video/cancel", params={"task_id": second}).status_code == 200
    task = finished(client, first)
    assert task["status"] == "failed"
    assert "longer than 50 s" in task["message"]
    assert finished(client, second)["status"] == "canceled"
    large = client.post("/video/submit", content=bytes(21_000_000), headers={"Content-Type": "video/mp4"})
    assert large.status_code == 413


def test_cancelled_work_stops(client, service, long_clip):
    task_id = submit(client, long_clip)
    deadline = time.monotonic() + 60
    while client.get("/video/status", params={"task_id": task_id}).json()["frames"] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    client.put("/video/cancel", params={"task_id": task_id})
    assert finished(client, task_id)["frames"] < 400


def test_mistakes_are_said(client):
    for path in ("/video/status", "/video/get"):
        assert client.get(path).json()["error"]["code"] == "no_task_id"
        for task_id in ("x", "../../etc/passwd", "0" * 32, "\u0661" * 32):
            missing = client.get(path, params={"task_id": task_id})
            assert missing.status_code == 404
            assert missing.json()["error"]["code"] == "no_such_task"
    assert client.put("/video/cancel", params={"task_id": "x"}).status_code == 404
    for request in ({"json": {}}, {"content": b"x", "headers": {"Content-Type": "text/plain"}}):
        assert client.post("/video/submit", **request).status_code == 415
    for files in ({"images": b"x"}, {"video": (None, "http://127.0.0.1:9/x.mp4")}):
        assert client.post("/video/submit", files=files).status_code == 400


def test_the_video_has_no_file_with_a_name(client, service, folder, long_clip):
    task_id = submit(client, long_clip)
    names = {path.name for path in temporary(folder).rglob("*") if path.is_file()}
    fresh = re.compile(r"\.[0-9a-f]{8}-[0-9a-f]{8}-\d+\.new\.json")  # of task.json
    assert {name for name in names if not fresh.fullmatch(name)} <= {"task.json", "frames.jsonl", "faces.csv", "cancel"}
    client.put("/video/cancel", params={"task_id": task_id})
    finished(client, task_id)
