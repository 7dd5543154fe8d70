"""Another model is put into the folder that is served: under load, damaged, and in shadow."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from onnx_models import write_model
from services import Service, encode, noise, serving

from fer.delivery.champion import write_champion
from fer.inference.classifier import Card, Classifier

pytestmark = pytest.mark.slow

FACES = [noise(seed=seed) for seed in range(8)]
PICTURES = [encode(face) for face in FACES]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / str(seed), seed=seed) for seed in (1, 2)]


def put(folder: Path, model: Path) -> None:
    """As promotion and rollback do."""
    write_champion(folder, model / "model.onnx", Card.load(model))


def version(model: Path) -> str:
    return Card.load(model).model_sha256[:12]


def served(service: Service) -> str:
    with service.client() as client:
        return client.get("/model").json()["model"]["version"]


def until(what, seconds: float = 10) -> float:
    """Seconds until it holds."""
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < seconds
        time.sleep(0.02)
    return time.monotonic() - start


def test_of_a_thousand_requests_during_swaps_none_is_lost_and_each_is_one_models_answer(tmp_path, models):
    folder = tmp_path / "champion"
    put(folder, models[0])
    expected = {
        version(model): [
            probabilities.tolist() for probabilities in map(Classifier(model).predict, [f[None] for f in FACES])
        ]
        for model in models
    }
    numbers, seen = count(), []
    with serving(tmp_path, "--model", folder, queue_seconds=30) as service:

        def ask(_: int) -> None:
            with service.client() as client:
                while (number := next(numbers)) < 1000:
                    face = number % len(FACES)
                    answer = client.post("/classify", files={"images": PICTURES[face]})
                    seen.append((answer.status_code, answer.headers["X-Model-Version"], face, answer.json()))

        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask, n) for n in range(8)]
            swaps = 0
            while not all(future.done() for future in asked):
                swaps += 1
                put(folder, models[swaps % 2])
                time.sleep(0.7)
            for future in asked:
                future.result()
        print(f"{swaps} swaps while 1,000 requests were answered")
        assert [status for status, *_ in seen] == [200] * 1000
        assert {name for _, name, *_ in seen} == expected.keys(), f"{swaps} swaps"
        for _, name, face, (told,) in seen:
            assert list(told["probabilities"].values()) == pytest.approx(expected[name][face][0], abs=1e-6)


def test_a_damaged_model_is_said_and_left_and_the_next_whole_one_is_taken(tmp_path, models):
    folder = tmp_path / "champion"
    put(folder, models[0])
    with serving(tmp_path, "--model", folder) as service:
        content = bytearray((models[1] / "model.onnx").read_bytes())
        content[len(content) // 2] ^= 1
        damaged = tmp_path / "damaged.onnx"
        damaged.write_bytes(content)
        write_champion(folder, damaged, Card.load(models[1]))
        until(lambda: "not taken up, the former one goes on" in service.log.read_text())
        assert "sha256 differs" in service.lines()[-1]
        assert served(service) == version(models[0])
        put(folder, models[1])
        assert until(lambda: served(service) == version(models[1])) < 5
        assert f"now served: tiny, version {version(models[1])}" in service.lines()[-1]


def test_a_challenger_in_shadow_is_recorded_without_a_pixel_and_not_heard(tmp_path, models):
    kept = tmp_path / "kept"
    settings = {"monitor": kept, "shadow": models[1]}
    with serving(tmp_path, "--model", models[0], **settings) as service:
        with service.client() as client:
            answers = [client.post("/classify", files={"images": picture}) for picture in PICTURES]
        assert {answer.headers["X-Model-Version"] for answer in answers} == {version(models[0])}

        def records() -> list[dict]:
            return [json.loads(line) for file in (kept / "fer-shadow" / "data").glob("*") for line in file.open()]

        until(lambda: len(records()) == len(FACES))
        for face, answer, record in zip(FACES, answers, records(), strict=True):
            assert (record["champion"], record["challenger"]) == tuple(map(version, models))
            assert record["probabilities"] == pytest.approx(list(answer.json()[0]["probabilities"].values()), abs=1e-6)
            theirs = Classifier(models[1]).predict(face[None])[0]
            assert record["challenger_probabilities"] == pytest.approx(theirs.tolist(), abs=1e-6)
            assert max(len(value) for value in record.values() if isinstance(value, list)) == 7
