import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import PARAMS, write_trained

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import split_metrics
from fer.params import load_params
from fer.report.keeping import keep_repeats
from fer.report.records import trained_below
from fer.report.results import summarize_ensemble
from fer.report.seeds import seed_groups, seeds_table
from fer.report.tables import mean_and_spread
from fer.report.training_details import details_table
from pipelines import paths


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=6)


def repeat_of(dataset: FaceDataset, name: str, seed: int, folder: Path, **changes: Any) -> ModelFolder:
    """A training as ``python -m pipelines repeat`` leaves it, with other facts in its run.json."""
    target = folder / f"{name}_quick_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    made = write_trained(folder / "made", dataset, name, seed)
    (made.path / "run.json").write_text(made.run.model_copy(update=changes).to_json())
    made.path.rename(target)
    (folder / "made").rmdir()
    return ModelFolder(target)


@pytest.fixture
def seeds(dataset: FaceDataset, tmp_path: Path) -> list[ModelFolder]:
    own = write_trained(tmp_path / "models", dataset, "mini", 1)
    return [own, *(repeat_of(dataset, "mini", seed, tmp_path / "seeds") for seed in (2, 3))]


def test_the_seeds_of_one_training_differ_in_the_seed_alone(
    seeds: list[ModelFolder], dataset: FaceDataset, tmp_path: Path
) -> None:
    first, second, third = seeds
    longer = first.run.recipe.model_copy(update={"epochs": 99})
    others = [
        repeat_of(dataset, "baseline", 4, tmp_path / "others"),
        repeat_of(dataset, "mini", 5, tmp_path / "others", recipe=longer),
        repeat_of(dataset, "mini", 6, tmp_path / "others", weights="imagenet"),
        repeat_of(dataset, "mini", 7, tmp_path / "others", precision="mixed_bfloat16"),
        repeat_of(dataset, "mini", 8, tmp_path / "others", software={"backend": "jax"}),
    ]
    again = ModelFolder(second.path)
    assert seed_groups([third, first, *others, second, again]) == [[first, second, third]]
    assert seed_groups([first, *others]) == []


def test_the_table_gives_every_seed_and_their_mean_and_spread(seeds: list[ModelFolder]) -> None:
    table = seeds_table([seeds])
    assert table["seed"].tolist() == ["1", "2", "3", ""]
    assert table["training"].tolist()[-1] == "Mini by recipe quick, mean of 3"
    accuracies = [folder.metrics["test.accuracy"] for folder in seeds]
    assert table["test accuracy"].tolist()[:3] == [f"{value:.3f}" for value in accuracies]
    assert table["test accuracy"].iloc[-1] == f"{np.mean(accuracies):.3f} ± {np.std(accuracies, ddof=1):.3f}"
    assert len(seeds_table([seeds, seeds])) == 8


def test_the_column_of_several_seeds_names_the_software_of_all(seeds: list[ModelFolder]) -> None:
    for folder, software in zip(seeds[1:], ({"numpy": "1.26"}, {"keras": "3.9"}), strict=True):
        folder.__dict__["run"] = folder.run.model_copy(update={"software": software})
    table = details_table([], [seeds]).set_index("")
    shown = table.loc[["software: numpy", "software: keras"], "Mini by recipe quick"]
    assert shown.tolist() == [f"{np.__version__}, 1.26, -", "-, 3.9"]


def test_mean_and_spread_are_those_of_a_sample() -> None:
    assert mean_and_spread([70.0, 71.0, 72.0], form=".1f") == "71.0 ± 1.0"


def make_right(folder: ModelFolder) -> None:
    """Give a training near-perfect predictions."""
    table, classes = folder.predictions.copy(), folder.classes
    for name in classes:
        for columns in ("p.", "ten."):
            table[f"{columns}{name}"] = np.where(table["emotion"] == name, 0.94, 0.01).astype(np.float32)
    table["predicted"] = table["emotion"]
    table.to_parquet(folder.path / "predictions.parquet", index=False)
    metrics = {"params": folder.metrics["params"]} | split_metrics(table, classes)
    (folder.path / "metrics.json").write_text(json.dumps(metrics))


def test_repeats_are_kept_and_may_be_in_the_ensemble(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    models = [write_trained(Path("models"), dataset, name, seed) for seed, name in enumerate(("mini", "vgg16"))]
    make_right(repeat_of(dataset, "mini", 7, paths.REPEATS))
    repeat_of(dataset, "mini", 3, paths.REPEATS)
    repeat_of(small_dataset(train=3, held_out=6), "mini", 4, paths.REPEATS)
    kept = keep_repeats(paths.REPEATS, Path("records"), dataset)
    assert {folder.path for folder in kept} == {Path("records/mini_quick_3"), Path("records/mini_quick_7")}
    shutil.rmtree("reports")
    assert keep_repeats(paths.REPEATS, Path("records"), dataset) == kept
    (seeds,) = seed_groups([*models, *kept])
    assert [folder.job.seed for folder in seeds] == [0, 3, 7]
    ensemble = summarize_ensemble(models, [seeds], load_params(PARAMS))
    assert ensemble.weights.keys() == {"mini_quick_7"}
    assert ensemble.members == "Mini by recipe quick (seed 7) 1.00"


@pytest.mark.parametrize("place", ["reports/repeats", "records"])
def test_a_damaged_repeat_is_one_line(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = repeat_of(dataset, "mini", 3, Path(place))
    pd.DataFrame().to_parquet(folder.path / "predictions.parquet")
    with pytest.raises(UserError, match=f"^{place}/mini_quick_3: damaged .*, or [ a-z]+") as caught:
        keep_repeats(paths.REPEATS, Path("records"), dataset)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mini_quick_4", "vgg16_quick_3", "mini", "mini_3", "mini_quick_3.bak"])
def test_a_repeat_below_another_name_is_one_line(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    repeat_of(dataset, "mini", 3, Path("records")).path.rename(Path("records") / name)
    with pytest.raises(UserError, match=f"^records/{name}: is a record of mini_<recipe>_3; give the folder that name"):
        keep_repeats(paths.REPEATS, Path("records"), dataset)
    paths.REPEATS.mkdir(parents=True)
    (Path("records") / name).rename(paths.REPEATS / name)
    with pytest.raises(UserError, match=f"^reports/repeats/{name}: is a training named mini_<recipe>_3; give"):
        keep_repeats(paths.REPEATS, Path("records"), dataset)
    assert not list(Path("records").iterdir())


def test_a_recipe_that_changed_between_seeds_is_one_line(dataset: FaceDataset, tmp_path: Path) -> None:
    recipe = repeat_of(dataset, "mini", 1, tmp_path).run.recipe
    repeat_of(dataset, "mini", 2, tmp_path)
    for seed in (3, 4):
        repeat_of(dataset, "mini", seed, tmp_path, recipe=recipe.model_copy(update={"epochs": 99}))
    with pytest.raises(UserError, match=r"^Mini by recipe quick: the recipe, .*mini_quick_4\); rename") as caught:
        seed_groups(trained_below(tmp_path))
    assert "\n" not in str(caught.value)
