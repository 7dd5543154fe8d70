import json
from pathlib import Path

import numpy as np
import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.outputs import ModelFolder
from fer.repeats import families_of, mean_and_spread, seeds_table


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> list[ModelFolder]:
    dataset = small_dataset(train=2, held_out=6)
    return [write_trained(tmp_path_factory.mktemp("models"), dataset, "mini", seed) for seed in (1, 2, 3)]


def test_a_family_differs_in_the_seed_alone(family: list[ModelFolder], tmp_path: Path) -> None:
    first, second, third = family
    dataset = small_dataset(train=2, held_out=6)
    other = write_trained(tmp_path, dataset, "baseline", seed=4)
    longer = write_trained(tmp_path, dataset, "mini", seed=5)
    path = longer.path / "run.json"
    path.write_text(json.dumps(longer.run | {"recipe": longer.run["recipe"] | {"epochs": 99}}))
    longer = ModelFolder(longer.path)
    again = ModelFolder(second.path)
    assert families_of([third, first, other, second, longer, again]) == [[first, second, third]]
    assert families_of([first, other, longer]) == []


def test_the_table_gives_every_seed_and_the_familys_mean_and_spread(family: list[ModelFolder]) -> None:
    table = seeds_table([family])
    assert table["seed"].tolist() == ["1", "2", "3", ""]
    assert table["training"].tolist()[-1] == "Mini of 3 epochs, mean of 3"
    accuracies = [folder.metrics["test.accuracy"] for folder in family]
    assert table["test accuracy"].tolist()[:3] == [f"{value:.3f}" for value in accuracies]
    assert table["test accuracy"].iloc[-1] == f"{np.mean(accuracies):.3f} ± {np.std(accuracies, ddof=1):.3f}"
    assert len(seeds_table([family, family])) == 8


def test_mean_and_spread_are_those_of_a_sample() -> None:
    assert mean_and_spread([70.0, 71.0, 72.0], digits=1) == "71.0 ± 1.0"
