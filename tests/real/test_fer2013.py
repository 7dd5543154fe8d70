"""The official split as it is published: ingest must find its class counts and its known flaws."""

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from face_changes import broken_bounds
from project import make_project

from fer.data.dataset import FaceDataset
from fer.emotions import EMOTIONS
from fer.evaluation.metrics import evaluate
from fer.inference.classifier import Classifier, packaged_models

FOLDER = Path(__file__).parents[3] / "shared" / "fer2013"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (FOLDER / "fer2013.csv.xz").exists(), reason="FER-2013 is not at hand"),
]

OFFICIAL_COUNTS = {
    "train": [3995, 436, 4097, 7215, 4830, 3171, 4965],
    "validation": [467, 56, 496, 895, 653, 415, 607],
    "test": [491, 55, 528, 879, 594, 416, 626],
}


def peak_memory(process: "subprocess.Popen[str]") -> int:
    """Bytes, sampled until the process ends; ``ru_maxrss`` would count that of the forking test too."""
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
        time.sleep(0.02)
    return peak


@dataclass(frozen=True)
class Ingested:
    dataset: FaceDataset
    report: dict[str, Any]
    peak: int


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory, prefect: str) -> Ingested:
    folder = tmp_path_factory.mktemp("fer2013")
    project = replace(make_project(folder), prefect=prefect)
    project.edit(
        lambda params: params["data"].update(
            source="csv", path=str(FOLDER / "fer2013.csv.xz"), votes=str(FOLDER / "fer2013new.csv")
        )
    )
    with project.start("pipelines", "ingest") as process:
        peak = peak_memory(process)
        assert process.returncode == 0, process.communicate()
    report = json.loads((folder / "reports" / "ingest.json").read_text())
    return Ingested(FaceDataset.load(folder / "data" / "dataset"), report, peak)


def test_official_counts_known_flaws_and_memory(ingested):
    dataset, report = ingested.dataset, ingested.report
    assert dataset.name == "FER-2013"
    source = report["source"]
    assert {split: list(counts.values()) for split, counts in source["counts"].items()} == OFFICIAL_COUNTS
    assert source["images"] == 35887
    assert source["unique_images"] == 34035
    assert source["surplus_copies"]["train"] == 1236
    assert source["train_copy"] == {"validation": 279, "test": 288}
    assert source["conflicting_groups"] == 56
    assert source["blank"] == 12
    assert report["removed"] == {"blank": 12, "leak": 692, "repeat": 1063}

    assert dataset.counts().sum(axis=1).to_dict() == {"train": 26942, "validation": 3589, "test": 3589}
    train = dataset.table["sha256"][dataset.rows("train")]
    assert train.is_unique
    assert not train.isin(dataset.table["sha256"][dataset.table["split"] != "train"]).any()
    votes = dataset.table.filter(like="votes.")
    assert votes.shape[1] == 10
    assert (votes["votes.NF"] == 10).sum() + (dataset.removed["votes.NF"] == 10).sum() > 100
    assert set(dataset.table["emotion"]) == set(EMOTIONS)
    assert ingested.peak < 1.5e9


@pytest.mark.parametrize("model", packaged_models())
def test_the_released_models_are_as_good_as_their_cards_say(ingested, model):
    dataset, classifier = ingested.dataset, Classifier(model)
    assert classifier.card.fingerprint == dataset.fingerprint
    for split in ("validation", "test"):
        rows = dataset.rows(split)
        scores = evaluate(dataset.labels[rows], classifier.predict(np.asarray(dataset.images[rows])), dataset.classes)
        for name, value in scores.items():
            assert classifier.card.metrics[f"{split}.{name}"] == pytest.approx(value, abs=0.002), (split, name)


@pytest.mark.parametrize("name", packaged_models())
def test_small_changes_move_the_released_models_probabilities_little(ingested, name):
    rows = np.random.default_rng(0).permutation(ingested.dataset.rows("test"))[:500]
    assert broken_bounds(Classifier(name).predict, np.asarray(ingested.dataset.images[rows])) == []


@pytest.mark.parametrize("model", [pytest.param("standard", marks=pytest.mark.nightly), "mini"])
def test_verify_gives_the_cards_figures(model):
    """The command, its own reading of the file and its own metrics against what the pipeline measured."""
    fer = [sys.executable, "-c", "from fer.cli import main; main()"]
    command = [*fer, "verify", str(FOLDER / "fer2013.csv.xz"), "--model", model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:] if line[:6].strip() in ("3,589", "3,301")]
    assert len(rows) == 12
    assert all(abs(float(row[-2]) - float(row[-1])) <= 0.002 for row in rows), done.stdout
