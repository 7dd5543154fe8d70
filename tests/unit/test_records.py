import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from face_datasets import small_dataset, with_values
from trained_models import PARAMS, write_trained

from fer.comparison import comparison_table, deck_table, markdown, restricted_table
from fer.data.dataset import FaceDataset
from fer.deck import beside_deck
from fer.emotions import FIVE_EMOTIONS
from fer.ensemble import build_ensemble
from fer.errors import UserError
from fer.outputs import ModelFolder, split_metrics
from fer.params import load_params
from fer.records import best_first, keep, kept_models, trained_below
from pipelines import results

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


def test_what_is_new_and_what_is_replaced_is_said(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records"
    assert {folder.name for folder in results.keep_all(trained[:1], records, dataset)} == {"mini"}
    assert capsys.readouterr().out == f"results: mini: new in {records}\n"
    again = write_trained(tmp_path / "again", dataset, "mini", seed=9)
    assert {folder.name for folder in results.keep_all([again, trained[1]], records, dataset)} == {"mini", "vgg16"}
    assert capsys.readouterr().out == f"results: mini: replaced in {records}\nresults: vgg16: new in {records}\n"
    results.keep_all([again, trained[1]], records, dataset)
    assert not capsys.readouterr().out


def test_records_of_other_data_of_the_same_name_stay_as_they_are(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    records = tmp_path / "records"
    results.keep_all(trained, records, dataset)
    before = {path: path.read_bytes() for path in records.rglob("*") if path.is_file()}
    other = with_values(dataset, "emotion", {0: "sad"})
    assert (other.name, other.fingerprint != dataset.fingerprint) == (dataset.name, True)
    again = write_trained(tmp_path / "again", other, "mini", seed=9)
    with pytest.raises(UserError, match=r"data\.name"):
        results.keep_all([again], records, other)
    assert {path: path.read_bytes() for path in records.rglob("*") if path.is_file()} == before


def test_nothing_trained_and_nothing_kept_is_one_line(dataset: FaceDataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no model is kept.*run dvc repro first") as caught:
        results.keep_all([], tmp_path / "records", dataset)
    assert "\n" not in str(caught.value)


def test_latency_belongs_to_the_very_model_that_was_measured(
    trained: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = load_params(PARAMS)
    params = params.model_copy(update={"compare": params.compare.model_copy(update={"bootstrap": 20})})
    monkeypatch.chdir(tmp_path)
    assert results.comparison(trained, params)["latency_ms"].isna().all(), "nothing was compared here"
    measured = {"model": ["mini", "vgg16"], "model_sha256": [trained[0].run["model_sha256"], "0" * 64]}
    Path("reports/compare").mkdir(parents=True)
    pd.DataFrame(measured | {"latency_ms": [1.5, 9.0]}).to_csv("reports/compare/comparison.csv", index=False)
    latency = results.comparison(trained, params).set_index("model")["latency_ms"]
    assert latency["mini"] == 1.5
    assert pd.isna(latency["vgg16"])


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
    for shown in (restricted_table(published, FIVE_EMOTIONS), beside_deck(published)):
        assert markdown(shown) in page
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
