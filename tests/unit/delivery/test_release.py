import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from face_datasets import small_dataset
from trained_models import PARAMS, write_trained

from fer.data.dataset import FaceDataset
from fer.delivery import release
from fer.delivery.release import LARGEST, choose, halve, write_release
from fer.errors import UserError
from fer.evaluation.abstention import choose_thresholds
from fer.evaluation.metrics import evaluate
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import RELEASED, Classifier
from fer.inference.runtime import onnx_predict
from fer.params import load_params

SETTINGS = load_params(PARAMS)


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=6)


@pytest.fixture
def folder(dataset: FaceDataset, tmp_path: Path) -> ModelFolder:
    return write_trained(tmp_path / "models", dataset)


def test_a_halved_model_has_half_the_bytes_and_nearly_the_same_answers(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    halve(folder.onnx, tmp_path / "half.onnx")
    whole, half = folder.onnx.stat().st_size, (tmp_path / "half.onnx").stat().st_size
    assert half < 0.52 * whole
    answers = [onnx_predict(path, np.asarray(dataset.images)) for path in (folder.onnx, tmp_path / "half.onnx")]
    assert 0 < np.abs(answers[0] - answers[1]).max() < 0.01
    assert [port.name for port in onnx.load(tmp_path / "half.onnx").graph.input] == ["faces"]


def test_the_release_is_a_usable_model_with_figures_of_its_own(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    card = write_release(folder, dataset, SETTINGS, tmp_path / "released")
    classifier = Classifier(tmp_path / "released")
    assert classifier.card == card
    rows = dataset.rows("test")
    answers = classifier.predict(np.asarray(dataset.images[rows]))
    for name, value in evaluate(dataset.labels[rows], answers, dataset.classes).items():
        assert card.metrics[f"test.{name}"] == pytest.approx(value)
    held_out = dataset.rows("validation")
    chosen = choose_thresholds(
        dataset.labels[held_out],
        classifier.predict(np.asarray(dataset.images[held_out])),
        SETTINGS.promote.certain_precision,
    )
    np.testing.assert_allclose(list(card.thresholds.values()), chosen)
    page = (tmp_path / "released" / "README.md").read_text()
    for fact in (f"{card.metrics['test.accuracy']:.3f}", "small faces", card.model_sha256, card.fingerprint):
        assert fact in page


def test_a_model_that_loses_too_much_is_not_released(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_release(folder, dataset, SETTINGS, tmp_path / "released")
    before = (tmp_path / "released" / "model.onnx").read_bytes()
    monkeypatch.setitem(folder.metrics, "validation.accuracy", folder.metrics["validation.accuracy"] + 0.003)
    with pytest.raises(UserError, match=r"halved it has 0.0 MB and is 0.30 points less accurate; 10 MB and 0.2"):
        write_release(folder, dataset, SETTINGS, tmp_path / "released")
    assert (tmp_path / "released" / "model.onnx").read_bytes() == before


def test_a_model_of_another_data_set_is_not_written_over(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    write_release(folder, dataset, SETTINGS, tmp_path / "released")
    other = replace(dataset, name="my faces")
    with pytest.raises(UserError, match="released: holds a model of small faces; remove it to release one of my faces"):
        write_release(folder, other, SETTINGS, tmp_path / "released")


def test_the_best_small_model_of_our_own_is_chosen(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [write_trained(tmp_path, dataset, name, seed) for seed, name in enumerate(("mini", "compact", "vgg16"))]
    ranked = sorted(folders, key=lambda folder: folder.metrics["validation.macro_f1"])
    assert choose(folders) is ranked[-1]
    ranked[-1].__dict__["run"] = ranked[-1].run.model_copy(update={"weights": "imagenet"})
    assert choose(folders) is ranked[-2]
    monkeypatch.setattr(release, "LARGEST", 1000)
    with pytest.raises(UserError, match="no model from random weights fits"):
        choose(folders)


def test_the_package_carries_a_small_model_that_is_its_cards() -> None:
    content = (RELEASED / "model.onnx").read_bytes()
    card = json.loads((RELEASED / "card.json").read_text())
    assert hashlib.sha256(content).hexdigest() == card["model_sha256"]
    assert len(content) <= LARGEST
    assert Classifier().card.dataset == "FER-2013"
