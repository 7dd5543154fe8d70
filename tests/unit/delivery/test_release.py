import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from face_datasets import small_dataset
from trained_models import PARAMS, write_trained

from fer.data.dataset import FaceDataset
from fer.delivery import quantization, release
from fer.delivery.release import choose, to_float16, write_release
from fer.errors import UserError
from fer.evaluation.abstention import choose_thresholds
from fer.evaluation.metrics import evaluate
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import PACKAGE, Card, Classifier, packaged_models
from fer.inference.runtime import onnx_predict
from fer.params import load_params
from fer.report.released import LARGEST
from pipelines import paths
from pipelines import release as pipeline

SETTINGS = load_params(PARAMS)


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=6, held_out=6)


@pytest.fixture
def folder(dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolder:
    """Of random weights, which 8 bits may move: the bound on that is measured elsewhere."""
    monkeypatch.setattr(quantization, "COST", 0.5)
    return write_trained(tmp_path / "models", dataset)


def released(folder: ModelFolder, dataset: FaceDataset, tmp_path: Path, published: ModelFolder | None = None) -> Card:
    """Release into ``package/standard`` and ``float16/standard``."""
    target, whole = tmp_path / "package" / "standard", tmp_path / "float16" / "standard"
    return write_release(folder, folder.onnx, dataset, SETTINGS, target, whole, published)


def test_a_float16_model_has_half_the_bytes_and_nearly_the_same_predictions(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    to_float16(folder.onnx, tmp_path / "half.onnx")
    whole, half = folder.onnx.stat().st_size, (tmp_path / "half.onnx").stat().st_size
    assert half < 0.52 * whole
    answers = [onnx_predict(path, np.asarray(dataset.images)) for path in (folder.onnx, tmp_path / "half.onnx")]
    assert 0 < np.abs(answers[0] - answers[1]).max() < 0.01
    assert [port.name for port in onnx.load(tmp_path / "half.onnx").graph.input] == ["faces"]
    to_float16(tmp_path / "half.onnx", tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "half.onnx").read_bytes()


def test_the_release_is_a_usable_model_with_figures_of_its_own(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    card = released(folder, dataset, tmp_path)
    classifier = Classifier(tmp_path / "package" / "standard")
    assert classifier.card == card
    assert (card.arithmetic, card.trained_sha256) == ("int8", folder.run.model_sha256)
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
    page = (tmp_path / "package" / "standard" / "README.md").read_text()
    for fact in (f"{card.metrics['test.accuracy']:.3f}", "small faces", card.model_sha256, card.fingerprint):
        assert fact in page
    gained = card.metrics["validation.accuracy"] - folder.metrics["validation.accuracy"]
    assert f"validation accuracy by {100 * gained:+.2f} points" in page, "on one line"
    assert "Article 5(1)(f)" in page
    assert "Article 50(3)" in page


def test_the_network_stays_available_in_float16(folder: ModelFolder, dataset: FaceDataset, tmp_path: Path) -> None:
    card = released(folder, dataset, tmp_path)
    whole = Classifier(tmp_path / "float16" / "standard")
    assert (whole.card.arithmetic, whole.card.network_sha256) == ("float16", card.network_sha256)
    assert whole.card.metrics == folder.metrics
    faces = np.asarray(dataset.images)
    assert np.abs(whole.predict(faces) - onnx_predict(folder.onnx, faces)).max() < 0.01


def test_of_its_float16_file_it_is_released_again_with_the_same_bytes(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    released(folder, dataset, tmp_path)
    target, whole = tmp_path / "package" / "standard", tmp_path / "float16" / "standard"
    files = [*target.iterdir(), *whole.iterdir()]
    before = {path: path.read_bytes() for path in files}
    write_release(folder, whole / "model.onnx", dataset, SETTINGS, target, whole)
    assert {path: path.read_bytes() for path in files} == before


def test_both_protocols_stand_on_the_page_where_both_were_trained(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    page = tmp_path / "package" / "standard" / "README.md"
    released(folder, dataset, tmp_path)
    assert "This network was not trained so" in page.read_text()
    twin = write_trained(tmp_path / "twin", dataset, seed=3)
    card = released(folder, dataset, tmp_path, twin)
    for figures in (card.metrics, twin.metrics):
        row = [figures[f"{split}.accuracy"] for split in ("test", "test_ten_views", "test_without_copies")]
        assert " | ".join(f"{value:.3f}" for value in row) in page.read_text()
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows), "no sentence in a table's last row"


def test_a_card_names_the_teacher(folder: ModelFolder, dataset: FaceDataset, tmp_path: Path) -> None:
    page, path = tmp_path / "package" / "standard" / "README.md", folder.path / "run.json"
    released(folder, dataset, tmp_path)
    assert "Distilled" not in page.read_text()
    teacher = {"share": 0.7, "members": "compact (int8, 0123456789ab), of every view", "digest": "0"}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"teacher": teacher}))
    released(ModelFolder(folder.path), dataset, tmp_path)
    assert (
        "Distilled: 70 % of each target is the prediction of compact (int8, 0123456789ab), of every view."
        in page.read_text()
    )


def test_a_model_that_loses_too_much_is_not_released(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(folder, dataset, tmp_path)
    before = (tmp_path / "package" / "standard" / "model.onnx").read_bytes()
    monkeypatch.setattr(quantization, "COST", 0.002)
    monkeypatch.setitem(folder.metrics, "validation.accuracy", 1.5)
    words = r"in int8 it has 0.0 MB and is \d+\.\d\d points less accurate; 9 MB and 2.4"
    with pytest.raises(UserError, match=words):
        released(folder, dataset, tmp_path)
    assert (tmp_path / "package" / "standard" / "model.onnx").read_bytes() == before
    assert not list(tmp_path.glob("*/.*"))


def test_a_model_that_is_too_large_is_not_released(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LARGEST, "standard", 10_000)
    with pytest.raises(UserError, match=r"in int8 it has 0.0 MB"):
        released(folder, dataset, tmp_path)


def test_a_model_of_another_data_set_is_not_written_over(
    folder: ModelFolder, dataset: FaceDataset, tmp_path: Path
) -> None:
    released(folder, dataset, tmp_path)
    other = replace(dataset, name="my faces")
    with pytest.raises(UserError, match="standard: holds a model of small faces; remove it to release one of my faces"):
        released(folder, other, tmp_path)


def test_the_best_small_model_of_our_own_is_chosen(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [write_trained(tmp_path, dataset, name, seed) for seed, name in enumerate(("mini", "compact", "vgg16"))]
    ranked = sorted(folders, key=lambda folder: folder.metrics["validation.macro_f1"])
    for folder in ranked:
        folder.metrics["params"] = 4_000_000
    assert choose(folders, "standard") is ranked[-1]
    ranked[-1].__dict__["run"] = ranked[-1].run.model_copy(update={"weights": "imagenet"})
    assert choose(folders, "standard") is ranked[-2]
    ranked[-2].metrics["params"] = 990_000  # with its graph it is too large for mini
    assert choose(folders, "standard") is ranked[-2]
    assert choose(folders, "mini") is None
    ranked[-2].metrics["params"] = 950_000  # mini alone: no network is in the package twice
    assert choose(folders, "standard") is ranked[-3]
    assert choose(folders, "mini") is ranked[-2]
    monkeypatch.setitem(LARGEST, "mini", 1000)
    assert choose(folders, "mini") is None


@pytest.fixture
def project(dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a data set and two trainings, and a package beside it that holds nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes(PARAMS.read_bytes())
    dataset.save(paths.DATASET)
    monkeypatch.setattr(quantization, "COST", 0.5)
    for name in ("PACKAGE", "FLOAT16"):
        monkeypatch.setattr(pipeline, name, tmp_path / name.lower())
    return tmp_path


def test_release_puts_a_model_of_each_size_and_keeps_what_is_better(
    project: Path, dataset: FaceDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    write_trained(paths.MODELS, dataset, "mini", seed=1)
    write_trained(paths.DISTILLED, dataset, "compact", seed=2)
    for kind in (paths.MODELS / "mini", paths.DISTILLED / "compact"):
        (kind / "metrics.json").write_text(json.dumps({"params": 4e6 if kind.name == "compact" else 8e5}))
    pipeline.release(again=False)
    assert Card.load(project / "package" / "mini").architecture == "mini"
    first = {path: path.read_bytes() for path in (project / "package").rglob("*.*")}
    assert len(first) == 6
    capsys.readouterr()
    pipeline.release(again=False)
    assert {path: path.read_bytes() for path in (project / "package").rglob("*.*")} == first
    said = capsys.readouterr().out
    assert "release: standard stays" in said
    assert "release: mini stays mini, no network here is better on validation" in said


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda card: card.unlink(), "No such file or directory"),
        (lambda card: card.write_text("{"), "not a model card"),
        (lambda card: card.write_text("{}"), "the key 'architecture' is missing"),
    ],
)
def test_a_float16_card_that_is_lost_or_damaged_is_one_line(
    project: Path, dataset: FaceDataset, harm: Callable[[Path], None], words: str
) -> None:
    """The defect: a traceback."""
    write_trained(paths.MODELS, dataset, "mini", seed=1)
    pipeline.release(again=False)
    harm(project / "float16" / "mini" / "card.json")
    with pytest.raises(UserError, match=rf"float16/mini/card\.json: .*{words}.*; restore it from Git$"):
        pipeline.release(again=False)


def test_where_only_a_small_network_was_trained_the_reader_has_one_to_open(project: Path, dataset: FaceDataset) -> None:
    """The defect: a package without ``standard``, which every reader opens by default."""
    write_trained(paths.MODELS, dataset, "mini", seed=1)
    (paths.MODELS / "mini" / "metrics.json").write_text(json.dumps({"params": 8e5}))
    pipeline.release(again=False)
    cards = [Card.load(project / "package" / name) for name in LARGEST]
    assert [card.architecture for card in cards] == ["mini", "mini"]


def test_without_a_small_network_there_is_no_release(project: Path, dataset: FaceDataset) -> None:
    write_trained(paths.MODELS, dataset, "vgg16")
    (paths.MODELS / "vgg16" / "metrics.json").write_text(json.dumps({"params": 14e6}))
    with pytest.raises(UserError, match="no model from random weights fits 9 MB; train compact or mini"):
        pipeline.release(again=False)


def test_release_again_takes_networks_from_their_float16_files_and_facts_from_their_records(
    project: Path, dataset: FaceDataset
) -> None:
    write_trained(paths.MODELS, dataset, "mini", seed=1)
    pipeline.release(again=False)
    first = {path: path.read_bytes() for path in (project / "package").rglob("*.*")}
    record = paths.RECORDS / "small-faces" / "models"
    with pytest.raises(UserError, match=r"no record of the released mini .*; run python -m pipelines results"):
        pipeline.release(again=True)
    record.parent.mkdir(parents=True)
    paths.MODELS.rename(record)
    (record / "mini" / "model.onnx").unlink()
    pipeline.release(again=True)
    assert {path: path.read_bytes() for path in (project / "package").rglob("*.*")} == first


def test_the_package_carries_small_models_that_are_their_cards() -> None:
    names, total, trained = packaged_models(), 0, set()
    assert names[0] == "standard"
    for name in names:
        content = (PACKAGE / name / "model.onnx").read_bytes()
        card = json.loads((PACKAGE / name / "card.json").read_text())
        assert hashlib.sha256(content).hexdigest() == card["model_sha256"]
        assert len(content) <= LARGEST[name]
        assert len(content) - card["metrics"]["params"] < 0.04 * LARGEST[name]  # as ``fits`` takes for granted
        trained.add(card["trained_sha256"])
        assert (card["dataset"], card["arithmetic"]) == ("FER-2013", "int8")
        whole = Card.of(json.loads((release.FLOAT16 / name / "card.json").read_text()))
        assert whole.network_sha256 == card["trained_sha256"]
        total += sum(path.stat().st_size for path in (PACKAGE / name).iterdir())
    assert total <= 10_000_000
    assert len(trained) == len(names)
