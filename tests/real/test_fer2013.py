"""The official split as it is published: ingest must find its class counts and its known flaws."""

import contextlib
import json
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from project import make_project

from fer.data.dataset import FaceDataset
from fer.emotions import EMOTIONS

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
    """Bytes, sampled until the process ends; the kernel's own peak would count the memory of the forking test too."""
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
        time.sleep(0.02)
    return peak


def test_official_counts_known_flaws_and_memory(tmp_path):
    project = make_project(tmp_path)
    project.edit(
        lambda params: params["data"].update(
            source="csv", path=str(FOLDER / "fer2013.csv.xz"), votes=str(FOLDER / "fer2013new.csv")
        )
    )
    with project.start("pipelines", "ingest") as process:
        peak = peak_memory(process)
        assert process.returncode == 0, process.communicate()
    dataset = FaceDataset.load(tmp_path / "data" / "dataset")
    report = json.loads((tmp_path / "reports" / "ingest.json").read_text())

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
    assert peak < 1.5e9
