"""The official split as it is published: ingest must find its class counts and its known flaws."""

import resource
import sys
import time
from pathlib import Path

import pytest

from fer.data.ingest import build_dataset
from fer.emotions import EMOTIONS
from fer.params import Data

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


def test_official_counts_known_flaws_time_and_memory():
    data = Data.model_validate(
        {
            "source": "csv",
            "path": FOLDER / "fer2013.csv.xz",
            "votes": FOLDER / "fer2013new.csv",
            "classes": "all",
            "remove_copies": True,
            "validation_share": 0.1,
            "test_share": 0.1,
            "seed": 1,
            "sample": {"images": 70, "seed": 1},
        }
    )
    start = time.process_time()
    dataset, report = build_dataset(data)
    seconds = time.process_time() - start

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

    assert seconds < 40
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1.5e6  # kilobytes
