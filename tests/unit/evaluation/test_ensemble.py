from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from face_datasets import small_dataset
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from trained_models import write_trained

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.ensemble import Ensemble, build_ensemble, ensemble_predict, select
from fer.evaluation.model_folder import ModelFolder

NAMES = ["baseline", "vgg16", "resnet50"]
LABELS = np.arange(60) % 3


def probabilities_of(seed: int, skill: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (1 - skill) * rng.dirichlet(np.ones(3), len(LABELS)) + skill * np.eye(3)[LABELS]


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=6)


@pytest.fixture(scope="module")
def folders(dataset: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> list[ModelFolder]:
    models = tmp_path_factory.mktemp("models")
    return [write_trained(models, dataset, name, seed) for seed, name in enumerate(NAMES)]


@pytest.fixture(scope="module")
def built(folders: list[ModelFolder]) -> Ensemble:
    return build_ensemble(folders)


def test_a_perfect_model_among_poor_ones_is_the_only_member() -> None:
    np.testing.assert_array_equal(
        select(LABELS, [probabilities_of(0, 0), probabilities_of(1, 1), probabilities_of(2, 0)]), [0, 1, 0]
    )


def test_two_that_err_on_different_images_are_better_together() -> None:
    first, second = probabilities_of(0, 0.9), probabilities_of(1, 0.9)
    first[:20], second[40:] = 1 / 3, 1 / 3
    shares = select(LABELS, [first, second, probabilities_of(2, 0)])
    assert shares[2] == 0
    assert min(shares[:2]) > 0.3


@given(st.lists(st.tuples(st.integers(0, 99), st.floats(0, 0.8)), min_size=1, max_size=5))
def test_shares_sum_to_one_and_the_mean_is_no_worse_than_the_best_single_one(models: list[tuple[int, float]]) -> None:
    candidates = [probabilities_of(*model) for model in models]
    shares = select(LABELS, candidates)
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    mean = np.tensordot(shares, np.stack(candidates), axes=1)
    best = min(log_loss(LABELS, candidate, labels=range(3)) for candidate in candidates)
    assert log_loss(LABELS, mean, labels=range(3)) <= best + 1e-9


def test_the_predictions_are_the_weighted_mean_calibrated(built: Ensemble, folders: list[ModelFolder]) -> None:
    shares = [built.weights.get(name, 0) for name in NAMES]
    for columns, split in (("p.", "validation"), ("ten.", "validation_ten_views")):
        names = [f"{columns}{name}" for name in folders[0].classes]
        mean = sum(
            share * folder.predictions[names].to_numpy(float) for share, folder in zip(shares, folders, strict=True)
        )
        scaled = mean ** (1 / built.temperatures[split])
        np.testing.assert_allclose(
            built.predictions[names], scaled / scaled.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-7
        )


def test_what_test_says_changes_no_weight(folders: list[ModelFolder], built: Ensemble) -> None:
    """Members are chosen on validation: test predictions turned upside down leave the choice as it was."""
    turned = []
    for folder in folders:
        table = folder.predictions.copy()
        test, names = table["split"] == "test", [f"ten.{name}" for name in folder.classes]
        table.loc[test, names] = table.loc[test, names].to_numpy()[:, ::-1]
        other = replace(folder)
        other.__dict__["predictions"] = table
        turned.append(other)
    again = build_ensemble(turned)
    assert (again.weights, again.temperatures) == (built.weights, built.temperatures)
    assert again.metrics["test_ten_views.ece"] != built.metrics["test_ten_views.ece"]


def test_models_of_other_images_are_one_line(folders: list[ModelFolder], tmp_path: Path) -> None:
    other = write_trained(tmp_path, small_dataset(train=2, held_out=3), "vgg16", 1)
    with pytest.raises(
        UserError, match=r"vgg16: predictions of other images or classes than .*baseline; run dvc repro"
    ):
        build_ensemble([folders[0], other])


def test_it_predicts_single_views_as_its_table_of_predictions_says(
    folders: list[ModelFolder], built: Ensemble, dataset: FaceDataset
) -> None:
    names = [f"p.{name}" for name in dataset.classes]
    expected = built.predictions.set_index("row")[names]
    predicted = ensemble_predict(built, folders, np.asarray(dataset.images[expected.index]))
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-6)
