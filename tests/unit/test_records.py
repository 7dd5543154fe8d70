import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import PARAMS, write_trained

from fer.comparison import comparison_table, deck_table, markdown, restricted_table
from fer.data.dataset import FaceDataset
from fer.emotions import FIVE_EMOTIONS
from fer.ensemble import build_ensemble
from fer.errors import UserError
from fer.outputs import ModelFolder, split_metrics
from fer.params import load_params
from fer.records import best_first, keep, kept_models, trained_below

RECORDS = PARAMS.parent / "docs/records/fer-2013/models"
PAGE = PARAMS.parent / "docs/results.md"


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=4)


@pytest.fixture
def trained(dataset: FaceDataset, tmp_path: Path) -> list[ModelFolder]:
    return [write_trained(tmp_path / "models", dataset, name, seed) for seed, name in enumerate(("mini", "vgg16"))]


def test_what_is_kept_gives_every_figure_without_the_network(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    about = {"model_sha256": trained[0].run["model_sha256"], "commit": "abc", "minutes": 71.25, "cores": "2"}
    (trained[0].path / "mlflow.json").write_text(json.dumps(about))
    (trained[1].path / "mlflow.json").write_text(json.dumps(about))
    for folder in trained:
        keep(folder, tmp_path / "kept" / folder.name)
    kept = {folder.name: folder for folder in kept_models(tmp_path / "kept", dataset)}
    assert kept.keys() == {"mini", "vgg16"}
    for folder in trained:
        record = kept[folder.name]
        assert not record.onnx.exists()
        assert (record.run, record.metrics, record.job) == (folder.run, folder.metrics, folder.job)
        pd.testing.assert_frame_equal(record.predictions, folder.predictions)
        pd.testing.assert_frame_equal(record.history, folder.history)
    assert kept["mini"].about == about
    assert kept["vgg16"].about == {}, "it tells of another model"
    assert build_ensemble(trained).metrics == build_ensemble([kept[folder.name] for folder in trained]).metrics


def test_what_is_trained_again_takes_the_place_of_what_was_kept(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    keep(trained[0], tmp_path / "kept/mini")
    again = write_trained(tmp_path / "again", dataset, "mini", seed=9)
    keep(again, tmp_path / "kept/mini")
    (kept,) = kept_models(tmp_path / "kept", dataset)
    assert kept.run["model_sha256"] == again.run["model_sha256"] != trained[0].run["model_sha256"]


def test_the_best_by_validation_macro_f1_stands_first(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    for score, folder in zip((0.1, 0.2), trained, strict=True):
        path = folder.path / "metrics.json"
        path.write_text(json.dumps(folder.metrics | {"validation.macro_f1": score}))
        keep(ModelFolder(folder.path), tmp_path / "kept" / folder.name)
    assert [folder.name for folder in kept_models(tmp_path / "kept", dataset)] == ["vgg16", "mini"]


def test_a_record_of_other_data_is_one_line_with_the_remedy(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    keep(trained[0], tmp_path / "kept/mini")
    words = r"mini: kept of a training on other data .* of the same name as the present other faces .*data\.name"
    with pytest.raises(UserError, match=words) as caught:
        kept_models(tmp_path / "kept", replace(dataset, name="other faces"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [".mini.old", ".mini.new"])
def test_what_a_kill_left_on_its_way_into_place_is_no_model(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path, name: str
) -> None:
    for target in ("mini", name):
        keep(trained[0], tmp_path / "kept" / target)
    assert [folder.path.name for folder in kept_models(tmp_path / "kept", dataset)] == ["mini"]


@pytest.fixture(scope="module")
def published() -> list[ModelFolder]:
    found = best_first(trained_below(RECORDS))
    assert found
    return found


def test_the_published_page_says_what_the_records_say(published: list[ModelFolder]) -> None:
    """Latency aside, which no record holds."""
    page = PAGE.read_text()
    settings = load_params(PARAMS).compare
    table = comparison_table(published, settings).assign(latency_ms=float("nan"))
    lines = markdown(deck_table(table, published[0].classes)).splitlines()
    assert lines[-1].startswith("| ms per face | - |")
    assert "\n".join(lines[:-1]) in page
    assert markdown(restricted_table(published, FIVE_EMOTIONS)) in page
    ensemble = build_ensemble([folder for folder in published if folder.job.teacher is None])
    titles = {folder.name: folder.run["title"] for folder in published}
    assert ", ".join(f"{titles[name]} {weight:.2f}" for name, weight in ensemble.weights.items()) in page
    for split in ("test", "test_ten_views"):
        accuracy, macro = (ensemble.metrics[f"{split}.{metric}"] for metric in ("accuracy", "macro_f1"))
        assert re.search(rf"\| {accuracy:.3f} \[[\d., ]+\] \| {macro:.3f} \|", page)


def test_the_records_figures_are_those_of_their_answers(published: list[ModelFolder]) -> None:
    for folder in published:
        figures = split_metrics(folder.predictions, folder.classes)
        assert {name: folder.metrics[name] for name in figures} == pytest.approx(figures), folder.path
