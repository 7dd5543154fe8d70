"""The whole loop as a user lives through it, with every part real; ``make rehearsal`` shows it step by step.

The drawn faces are few and the network is small, so that it takes minutes. The world gets dark; a person labels images
of it, first into folders that are named wrongly.
"""

import re
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from project import Project, make_project, wait_for
from services import Service, encode, serving

from fer.data.sample import draw_sample
from fer.emotions import EMOTIONS
from fer.inference.classifier import Card
from fer.inference.face_size import FACE_SIZE

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

#: What is left of the light.
DUSK = 0.6
#: Faces in one request.
BATCH = 20


class Diary:
    """What happens and when, on the terminal of ``make rehearsal``."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        print()

    def note(self, line: str) -> None:
        print(f"{time.monotonic() - self.start:6.1f} s  {line}", flush=True)


class Visitor(threading.Thread):
    """A client that asks the service all the time, a face a request, and counts what it got.

    Attributes:
        answered: answers, by the version of the model that gave them.
        lost: what went wrong, one entry a request.
    """

    def __init__(self, service: Service, pictures: list[bytes]) -> None:
        super().__init__(daemon=True)
        self.service, self.pictures = service, pictures
        self.answered: Counter[str] = Counter()
        self.lost: list[str] = []
        self.leaves = threading.Event()

    def run(self) -> None:
        with self.service.client() as client:
            for picture in cycle(self.pictures):
                if self.leaves.wait(0.1):
                    return
                try:
                    answer = client.post("/classify", files={"images": picture})
                    answer.raise_for_status()
                    self.answered[answer.headers["X-Model-Version"]] += 1
                except Exception as error:  # whatever it is, somebody got no answer
                    self.lost.append(repr(error))

    def leave(self) -> None:
        """Ask no more, after a second of answers by whoever answers now."""
        time.sleep(1)
        self.leaves.set()
        self.join()


def small(params: dict[str, Any]) -> None:
    """One small network on few faces; the gates are those of params.yaml."""
    params["data"]["sample"]["images"] = 420
    params["train"]["architectures"] = ["mini"]
    params["distill"]["students"] = []
    params["compare"]["bootstrap"] = 50


def without_clocks(project: Project) -> None:
    """Runs start by the alarm and by hand alone: the clock's next is on 29 February."""
    path = project.folder / "prefect.yaml"
    path.write_text(re.sub('cron: ".*"', 'cron: "0 0 29 2 *"', path.read_text()))


def faces(count: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Drawn faces without flaws, uint8 ``[N, 48, 48]``, and what they show."""
    images, table = draw_sample(count, seed, FACE_SIZE)
    sound = (table["flaw"] == "").to_numpy()
    return images[sound], table["emotion"][sound].tolist()


def darker(images: np.ndarray) -> np.ndarray:
    return np.round(images * DUSK).astype(np.uint8)


def review(folder: Path, shift: int) -> int:
    """Images of the last weeks, half of them in the dark, in folders named by the emotion, or by another.

    Returns:
        How many.
    """
    shutil.rmtree(folder)
    images, emotions = faces(600, seed=7)
    images[::2] = darker(images[::2])
    for number, (image, emotion) in enumerate(zip(images, emotions, strict=True)):
        name = EMOTIONS[(EMOTIONS.index(emotion) + shift) % len(EMOTIONS)]
        (folder / name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name / f"{number:04}.png"), image)
    return len(images)


def send(service: Service, images: np.ndarray) -> None:
    with service.client() as client:
        for start in range(0, len(images), BATCH):
            pictures = [("images", encode(image)) for image in images[start : start + BATCH]]
            client.post("/classify", files=pictures).raise_for_status()


def answers(service: Service, pictures: list[bytes]) -> tuple[str, bytes]:
    """The version that answers, and the answer."""
    with service.client() as client:
        answer = client.post("/classify", files=[("images", picture) for picture in pictures]).raise_for_status()
    return answer.headers["X-Model-Version"], answer.content


def version(project: Project) -> str:
    return Card.load(project.folder / "champion").version


def done(project: Project, *arguments: str) -> str:
    ran = project.run("pipelines", *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


class Server:
    """Prefect's, which ``schedule`` started."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, what: str, **query: Any) -> list[dict[str, Any]]:
        return httpx.post(f"{self.url}/{what}/filter", json=query, timeout=60).raise_for_status().json()

    def run(self, name: str) -> dict[str, Any]:
        """Run a deployment as its clock does, and wait for the end."""
        deployment = httpx.get(f"{self.url}/deployments/name/{name}/{name}").raise_for_status().json()
        started = httpx.post(f"{self.url}/deployments/{deployment['id']}/create_flow_run", json={"name": name})
        return self.ended(started.raise_for_status().json()["id"])

    def ended(self, identity: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            run = httpx.get(f"{self.url}/flow_runs/{identity}", timeout=60).raise_for_status().json()
            return run if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        return wait_for(found, pause=3)

    def by_alarm(self) -> list[dict[str, Any]]:
        """The runs that an automation started."""
        runs = self.ask("flow_runs", flows={"name": {"any_": ["retrain"]}})
        return [run for run in runs if (run["created_by"] or {}).get("type") == "AUTOMATION"]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Of this name, newest first."""
        asked = {"filter": {"event": {"name": [name]}}}
        return httpx.post(f"{self.url}/events/filter", json=asked, timeout=60).raise_for_status().json()["events"]

    def artifact(self, key: str) -> str:
        """The newest of the artifacts with this key, in Markdown."""
        (found,) = self.ask("artifacts/latest", artifacts={"key": {"any_": [key]}})
        return found["data"]


@dataclass
class Rehearsal:
    """The steps, each of which goes on where the one before ended.

    Attributes:
        project: with its champion.
        service: which answers by it.
        server: Prefect's.
        log: of ``schedule`` and the runs that its worker works off.
        diary: for the reader.
        good: version of the first champion.
        before: its answer to ``pictures``.
    """

    project: Project
    service: Service
    server: Server
    log: Path
    diary: Diary
    good: str
    pictures: list[bytes]
    before: tuple[str, bytes]

    @property
    def reviewed(self) -> Path:
        return self.project.folder / "data/reviewed"

    def faces_as_known(self, known: np.ndarray) -> None:
        send(self.service, known)
        quiet = self.server.run("monitor")
        assert (quiet["state_type"], quiet["name"]) == ("COMPLETED", "monitor: as the reference"), self.log.read_text()
        self.diary.note(f"{len(known)} faces like those of the training data; {quiet['name']}")

    def faces_in_the_dark(self) -> None:
        count = review(self.reviewed, shift=1)
        self.diary.note(f"a person labels {count} images into data/reviewed, but the folders are named wrongly")
        dark, _ = faces(400, seed=5)
        send(self.service, darker(dark))
        alarm = self.server.run("monitor")
        assert alarm["name"].startswith("monitor: ALARM: "), self.log.read_text()
        assert "brightness" in alarm["name"]
        self.diary.note(f"{len(dark)} faces in the dark; {alarm['name']}")

    def the_alarm_retrains_and_gates_refuse(self) -> None:
        (started,) = wait_for(self.server.by_alarm, pause=3)
        self.diary.note("the alarm's event starts a retrain")
        run = self.server.ended(started["id"])
        assert run["state_type"] == "COMPLETED", self.log.read_text()
        assert "images added to train" in self.server.artifact("data-changes")
        (line,) = re.findall("promote: (mini refused: .*)", self.log.read_text())
        assert "above chance" in line
        (event,) = wait_for(lambda: self.server.events("fer.promotion.refused"), pause=1)
        assert line in event["payload"]["refusals"], "what the notification block tells"
        assert version(self.project) == self.good
        assert answers(self.service, self.pictures) == self.before
        first, *others = line.split("; ")
        self.diary.note(f"{run['name']}: {first}; and by {len(others)} more gates")
        self.diary.note("the champion stays and answers as before")

    def mended_folders_are_promoted_and_served(self) -> str:
        count = review(self.reviewed, shift=0)
        said = done(self.project, "retrain")
        better = version(self.project)
        assert better != self.good, said
        assert f"{count} images added to train" in said
        (line,) = re.findall("promote: (mini with validation macro-F1 .*)", said)
        self.diary.note(f"the folders are mended; python -m pipelines retrain: {line}")
        wait_for(lambda: answers(self.service, self.pictures)[0] == better)
        assert answers(self.service, self.pictures)[1] != self.before[1]
        self.diary.note(f"the running service answers by {better}")
        return better

    def rolled_back(self) -> None:
        start = time.monotonic()
        log = self.log.with_name("rollback.log")
        with self.project.start("pipelines", "rollback", log=log) as rollback:
            wait_for(lambda: answers(self.service, self.pictures)[0] == self.good)
            seconds = time.monotonic() - start
            rollback.wait()
        assert rollback.returncode == 0, log.read_text()
        assert answers(self.service, self.pictures) == self.before, "the old answers, byte for byte"
        self.diary.note(
            f"python -m pipelines rollback: {self.good} answers after {seconds:.1f} s, byte for byte as before"
        )


def test_drift_alarm_retrain_refusal_promotion_rollback_and_no_request_lost(tmp_path, prefect_home):
    diary, project, log = Diary(), make_project(tmp_path / "project"), tmp_path / "schedule.log"
    project.edit(small)
    without_clocks(project)
    shutil.copytree(prefect_home, project.folder / "state" / "prefect")
    champion, kept = project.folder / "champion", project.folder / "state/monitoring"
    with project.start("pipelines", "schedule", log=log, PREFECT_WORKER_QUERY_SECONDS="3") as scheduler:
        wait_for(lambda: "started!" in log.read_text() or scheduler.poll() is not None, pause=0.5)
        server = Server((project.folder / "state/prefect/server.url").read_text())
        diary.note("python -m pipelines schedule: server, worker and automations are up")
        done(project, "retrain")
        good = version(project)
        diary.note(f"python -m pipelines retrain: the first champion, {good}")

        known, _ = faces(400, seed=3)
        pictures = [encode(face) for face in known]
        with serving(
            tmp_path / "service", "--model", champion, cwd=project.folder, monitor=kept, queue_seconds=60
        ) as service:
            before = answers(service, pictures[:8])
            assert before[0] == good
            loop = Rehearsal(project, service, server, log, diary, good, pictures[:8], before)
            visitor = Visitor(service, pictures)
            visitor.start()
            diary.note("fer serve answers by it; from now on a client asks without a pause")
            loop.faces_as_known(known)
            loop.faces_in_the_dark()
            loop.the_alarm_retrains_and_gates_refuse()
            better = loop.mended_folders_are_promoted_and_served()
            loop.rolled_back()
            visitor.leave()
        assert len(server.by_alarm()) == 1, "one alarm, one retrain"
    asked = sum(visitor.answered.values()) + len(visitor.lost)
    diary.note(f"of the client's {asked} requests {len(visitor.lost)} were lost; answered: {dict(visitor.answered)}")
    assert not visitor.lost
    assert visitor.answered.keys() == {good, better}
