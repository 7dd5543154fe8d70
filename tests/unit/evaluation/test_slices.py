from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.data.dataset import FaceDataset
from fer.emotions import FERPLUS_OTHER, FERPLUS_VOTES
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.slices import (
    AGREE,
    OTHER,
    UNDECIDED,
    confident_mistakes,
    ferplus_verdict,
    slices_of,
)
from fer.sections import Compare

SETTINGS = Compare(bootstrap=50, seed=5, sample_faces=7)


def votes(**counts: int) -> dict[str, int]:
    return {f"votes.{name}": counts.get(name, 0) for name in (*FERPLUS_VOTES, *FERPLUS_OTHER)}


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=6)


@pytest.fixture(scope="module")
def folder(dataset: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_trained(tmp_path_factory.mktemp("models"), dataset, "baseline", 1)


def test_the_verdict_is_the_option_with_most_votes() -> None:
    rows = [
        {"emotion": "happy"} | votes(happiness=6, neutral=4),
        {"emotion": "sad"} | votes(neutral=5, sadness=3, anger=2),
        {"emotion": "fear"} | votes(fear=4, surprise=4, NF=2),
        {"emotion": "angry"} | votes(contempt=6, anger=4),
        {"emotion": "angry"} | votes(NF=10),
    ]
    assert ferplus_verdict(pd.DataFrame(rows)).tolist() == [AGREE, OTHER, UNDECIDED, UNDECIDED, UNDECIDED]


def test_every_image_is_in_one_part_of_each_kind(dataset: FaceDataset) -> None:
    parts = slices_of(dataset, "test")
    assert next(iter(parts)).startswith("brightness")
    for kind in ("brightness", "contrast", "with"):
        members = np.sum([mask for name, mask in parts.items() if name.startswith(kind)], axis=0)
        np.testing.assert_array_equal(members, 1)
    images = np.asarray(dataset.images[dataset.rows("test")], float).mean(axis=(1, 2))
    assert images[parts["brightness: dark third"]].max() < images[parts["brightness: bright third"]].min()


def test_mistakes_are_wrong_and_the_surest_come_first(dataset: FaceDataset, folder: ModelFolder) -> None:
    found = confident_mistakes(folder, dataset, 10)
    assert (found["emotion"] != found["predicted"]).all()
    assert found["confidence"].is_monotonic_decreasing
    labels, probabilities = folder.scored(Split.TEST_TEN_VIEWS)
    wrong = probabilities.argmax(axis=1) != labels
    assert found["confidence"].iloc[0] == probabilities.max(axis=1)[wrong].max()
    assert len(found) == min(10, wrong.sum())


def test_a_picture_that_is_there_twice_is_one_mistake(dataset: FaceDataset, folder: ModelFolder) -> None:
    first, second, third = confident_mistakes(folder, dataset, 3)["row"]
    table = dataset.table.copy()
    table.loc[second, "sha256"] = table.loc[first, "sha256"]
    found = confident_mistakes(folder, replace(dataset, table=table), 2)
    assert found["row"].tolist() == [first, third]
