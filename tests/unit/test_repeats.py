from pathlib import Path

import numpy as np
import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.outputs import ModelFolder
from fer.repeats import mean_and_spread, repeats_of, seeds_table


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> list[ModelFolder]:
    dataset = small_dataset(train=2, held_out=6)
    return [write_trained(tmp_path_factory.mktemp("models"), dataset, "mini", seed) for seed in (1, 2, 3)]


def test_a_repeat_differs_in_the_seed_alone(family: list[ModelFolder], tmp_path: Path) -> None:
    own, second, third = family
    other = write_trained(tmp_path, small_dataset(train=2, held_out=6), "baseline", seed=4)
    again = ModelFolder(second.path)
    assert repeats_of(own, [third, own, other, second, again]) == [second, third]
    assert repeats_of(second, [own]) == [own]
    assert repeats_of(other, family) == []


def test_the_table_gives_every_seed_and_the_familys_mean_and_spread(family: list[ModelFolder]) -> None:
    table = seeds_table([family])
    assert table["seed"].tolist() == ["1", "2", "3", ""]
    assert table["training"].tolist()[-1] == "Mini, mean of 3"
    accuracies = [folder.metrics["test.accuracy"] for folder in family]
    assert table["test accuracy"].tolist()[:3] == [f"{value:.3f}" for value in accuracies]
    assert table["test accuracy"].iloc[-1] == f"{np.mean(accuracies):.3f} ± {np.std(accuracies, ddof=1):.3f}"
    assert len(seeds_table([family, family])) == 8


def test_mean_and_spread_are_those_of_a_sample() -> None:
    assert mean_and_spread([70.0, 71.0, 72.0], digits=1) == "71.0 ± 1.0"
