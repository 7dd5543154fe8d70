import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from face_datasets import small_dataset, with_values
from filelock import FileLock
from sklearn.metrics import accuracy_score, f1_score
from trained_models import PARAMS, write_trained

from fer.checks.report import CheckReport, CheckResult, SkippedCheck
from fer.data.dataset import FaceDataset
from fer.data.statistics import class_counts
from fer.errors import UserError
from fer.evaluation import predictions
from fer.evaluation.comparison import comparison_table
from fer.evaluation.ensemble import build_ensemble
from fer.evaluation.metrics import evaluate
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.run_facts import Provenance
from fer.params import Params, load_params
from fer.report import keeping
from fer.report.data_reports import read_reports
from fer.report.latency import with_latencies
from fer.report.model_tables import without_copies_table
from fer.report.records import best_first, check, keep, kept_models, trained_below
from fer.report.results import slug
from pipelines import paths, results

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
    provenance = Provenance(model_sha256=trained[0].run.model_sha256, commit="abc", minutes=71.25, cores="2")
    for folder in trained:
        (folder.path / "mlflow.json").write_text(provenance.to_json())
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
    assert kept["mini"].provenance == provenance
    assert kept["vgg16"].provenance is None, "it describes another model"
    assert build_ensemble(trained).metrics == build_ensemble([kept[folder.name] for folder in trained]).metrics


def test_what_is_trained_again_takes_the_place_of_what_was_kept(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    keep(trained[0], tmp_path / "kept/mini")
    again = write_trained(tmp_path / "again", dataset, "mini", seed=9)
    keep(again, tmp_path / "kept/mini")
    (kept,) = kept_models(tmp_path / "kept", dataset)
    assert kept.run.model_sha256 == again.run.model_sha256 != trained[0].run.model_sha256


def test_the_best_by_validation_macro_f1_stands_first(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    for folder in trained:
        keep(folder, tmp_path / "kept" / folder.name)
    assert kept_models(tmp_path / "kept", dataset) == best_first(trained_below(tmp_path / "kept"))
    scored = trained_below(tmp_path / "kept")
    for score, folder in zip((0.1, 0.2), scored, strict=True):
        folder.metrics["validation.macro_f1"] = score
    assert [folder.name for folder in best_first(scored)] == ["vgg16", "mini"]


def test_a_record_of_other_data_is_one_line_with_the_remedy(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    keep(trained[0], tmp_path / "kept/mini")
    words = r"mini: kept of a training on other data .* than the present other faces .*data\.name"
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
    assert {folder.name for folder in keeping.keep_models(trained[:1], records, dataset)} == {"mini"}
    assert capsys.readouterr().out == f"results: mini: new in {records}\n"
    again = write_trained(tmp_path / "again", dataset, "mini", seed=9)
    assert {folder.name for folder in keeping.keep_models([again, trained[1]], records, dataset)} == {"mini", "vgg16"}
    assert capsys.readouterr().out == f"results: mini: replaced in {records}\nresults: vgg16: new in {records}\n"
    keeping.keep_models([again, trained[1]], records, dataset)
    assert not capsys.readouterr().out


def test_records_of_other_data_of_the_same_name_stay_as_they_are(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    records = tmp_path / "records"
    keeping.keep_models(trained, records, dataset)
    before = {path: path.read_bytes() for path in records.rglob("*") if path.is_file()}
    other = with_values(dataset, "emotion", {0: "sad"})
    assert (other.name, other.fingerprint != dataset.fingerprint) == (dataset.name, True)
    again = write_trained(tmp_path / "again", other, "mini", seed=9)
    with pytest.raises(UserError, match=r"data\.name"):
        keeping.keep_models([again], records, other)
    assert {path: path.read_bytes() for path in records.rglob("*") if path.is_file()} == before


def test_nothing_trained_and_nothing_kept_is_one_line(dataset: FaceDataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no model is kept.*run dvc repro first") as caught:
        keeping.keep_models([], tmp_path / "records", dataset)
    assert "\n" not in str(caught.value)


def few_resamples() -> Params:
    params = load_params(PARAMS)
    return params.model_copy(update={"compare": params.compare.model_copy(update={"bootstrap": 20})})


def compare_all(models: list[ModelFolder], kept: Path) -> pd.DataFrame:
    return with_latencies(comparison_table(models, few_resamples().compare), paths.COMPARISON, kept)


def compared(*models: ModelFolder, milliseconds: float) -> None:
    """Write what a comparison on this machine measured."""
    Path("reports/compare").mkdir(parents=True, exist_ok=True)
    digests = [model.run.model_sha256 for model in models]
    table = pd.DataFrame({"model_sha256": digests, "latency_ms": milliseconds, "other": 1})
    table.to_csv("reports/compare/comparison.csv", index=False)


def test_latency_belongs_to_the_very_model_that_was_measured(
    trained: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "latency.csv"
    assert compare_all(trained, kept)["latency_ms"].isna().all(), "nothing was compared here"
    assert not kept.exists()
    compared(trained[0], milliseconds=1.5)
    table = compare_all(trained, kept).set_index("model")
    assert table.loc["mini", "latency_ms"] == 1.5
    assert table.loc["mini", "latency_cores"] == os.cpu_count()
    assert pd.isna(table.loc["vgg16", "latency_ms"])


def test_latencies_of_two_comparisons_are_never_mixed(
    trained: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "latency.csv"

    def shown() -> list[float]:
        return compare_all(trained, kept).set_index("model")["latency_ms"].tolist()

    compared(*trained, milliseconds=4.0)
    assert shown() == [4.0, 4.0]
    compared(trained[0], milliseconds=1.0)
    assert shown() == [4.0, 4.0], "the comparison of one does not take the place of that of both"
    Path("reports/compare/comparison.csv").unlink()
    assert shown() == [4.0, 4.0], "another machine"
    compared(*trained, milliseconds=2.0)
    assert shown() == [2.0, 2.0]


def altered(path: Path, column: str, value: object) -> None:
    table = pd.read_parquet(path)
    table.loc[0, column] = value
    table.to_parquet(path, index=False)


def with_one(path: Path, name: str, value: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))


def tell(folder: Path, **facts: object) -> None:
    """Write an mlflow.json of the folder's own model."""
    about = {"model_sha256": json.loads((folder / "run.json").read_text())["model_sha256"], "minutes": 3.5}
    (folder / "mlflow.json").write_text(json.dumps(about | facts))


DAMAGES = (
    lambda folder: (folder / "run.json").write_text("[1]"),
    lambda folder: (folder / "metrics.json").write_text('{"valid'),
    lambda folder: with_one(folder / "metrics.json", "params", None),
    lambda folder: with_one(folder / "metrics.json", "params", float("nan")),
    lambda folder: with_one(folder / "metrics.json", "test.accuracy", 0.99),
    lambda folder: tell(folder, accelerator=3),
    lambda folder: tell(folder, cores=[2]),
    lambda folder: tell(folder, commit=None),
    lambda folder: with_one(folder / "run.json", "software", None),
    lambda folder: with_one(folder / "run.json", "weights", ["a"]),
    lambda folder: with_one(folder / "run.json", "seed", "2"),
    lambda folder: with_one(folder / "run.json", "temperature", "0.8"),
    lambda folder: with_one(folder / "run.json", "teacher", {"share": "0.7", "members": "mini", "digest": ""}),
    lambda folder: tell(folder, minutes=float("nan")),
    lambda folder: os.truncate(folder / "history.csv", 90),
    lambda folder: (folder / "history.csv").write_bytes(b"\xff\x00"),
    lambda folder: altered(folder / "predictions.parquet", "predicted", "nobody"),
    lambda folder: altered(folder / "predictions.parquet", "source_id", None),
    lambda folder: (folder / "predictions.parquet").unlink(),
    lambda folder: os.truncate(folder / "predictions.parquet", 400),
    lambda folder: altered(folder / "predictions.parquet", "p.happy", float("nan")),
    lambda folder: altered(folder / "predictions.parquet", "ten.sad", -0.5),
    lambda folder: altered(folder / "predictions.parquet", "row", 999),
    lambda folder: (folder / "mlflow.json").write_text("{"),
)


@pytest.mark.parametrize("damage", [*DAMAGES, lambda folder: (folder / "run.json").unlink()])
def test_a_damaged_record_is_one_line_with_a_remedy_that_mends_it(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    records = tmp_path / "records"
    keeping.keep_models(trained, records, dataset)
    damage(records / "mini")
    with pytest.raises(UserError, match=r"records/mini.*; git checkout -- \S*records/mini, or remove it$") as caught:
        keeping.keep_models(trained, records, dataset)
    assert "\n" not in str(caught.value)
    shutil.rmtree(records / "mini")
    assert len(keeping.keep_models(trained, records, dataset)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        *DAMAGES,
        lambda folder: (folder / "model.onnx").unlink(),
        lambda folder: os.truncate(folder / "model.onnx", 100),
    ],
)
def test_a_damaged_training_of_this_machine_is_one_line_before_it_is_kept(
    dataset: FaceDataset,
    trained: list[ModelFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], object],
) -> None:
    monkeypatch.chdir(tmp_path)
    damage(trained[0].path)
    with pytest.raises(UserError, match=r"^models/mini.*; run the train stage again$") as caught:
        results.trained_here(load_params(PARAMS), dataset)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGES[:-2])
@pytest.mark.parametrize("place", ["reports/ablations/mini", "records/mini"])
def test_a_damaged_ablation_is_one_line(
    dataset: FaceDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], object],
    place: str,
) -> None:
    params = load_params(PARAMS)
    monkeypatch.chdir(tmp_path)
    own = write_trained(Path("models"), dataset, "mini", params.train.seed)
    shutil.copytree(own.path, Path(place) / "no_mixup")
    damage(Path(place) / "no_mixup")
    remedy = {
        "reports/ablations/mini": "run python -m pipelines ablate no_mixup mini again",
        "records/mini": "git checkout -- records/mini",
    }
    with pytest.raises(UserError, match=f"^{place}/no_mixup: damaged.*; {remedy[place]}") as caught:
        keeping.keep_ablations(paths.ABLATIONS, params, [own], Path("records"))
    assert "\n" not in str(caught.value)


def test_ablations_are_kept_by_architecture(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params = load_params(PARAMS)
    monkeypatch.chdir(tmp_path)
    own = [write_trained(Path("models"), dataset, name, params.train.seed) for name in ("mini", "compact")]
    for folder in own:
        shutil.copytree(folder.path, paths.ABLATIONS / folder.name / "flip_alone")
    # Compact's has its own recipe: nothing is changed in it.
    run = paths.ABLATIONS / "mini/flip_alone/run.json"
    recipe = params.ablated("flip_alone", "mini").recipe("mini").model_dump()
    run.write_text(json.dumps(json.loads(run.read_text()) | {"recipe": recipe}))
    (group,) = keeping.keep_ablations(paths.ABLATIONS, params, own, Path("records"))
    assert [one.change for one in group] == ["", "flip_alone"]
    assert group[1].command == "python -m pipelines ablate flip_alone mini"
    assert group[1].folder.path == Path("records/mini/flip_alone")
    assert "reports/ablations/compact/flip_alone: left out, not compact's training with one" in capsys.readouterr().out
    shutil.copytree(own[0].path, paths.ABLATIONS / "no_mixup")
    with pytest.raises(UserError, match=r"^reports/ablations/no_mixup: move it to reports/ablations/mini/no_mixup$"):
        keeping.keep_ablations(paths.ABLATIONS, params, own, Path("records"))


def test_a_record_below_another_name_is_one_line(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    keep(trained[0], tmp_path / "kept/mini_copy")
    with pytest.raises(UserError, match=r"mini_copy: is a record of mini; give the folder that name, or remove it"):
        kept_models(tmp_path / "kept", dataset)


def test_what_a_folder_no_longer_tells_of_the_same_model_is_kept_on(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    folder, target = trained[0], tmp_path / "kept/mini"
    about = folder.path / "mlflow.json"
    about.write_text(json.dumps({"model_sha256": folder.run.model_sha256, "commit": "abc"}))
    keep(folder, target)
    (folder.path / "history.csv").unlink()
    about.write_text(json.dumps({"model_sha256": "0" * 64, "commit": "another model's"}))
    keep(ModelFolder(folder.path), target)
    assert ModelFolder(target).commit == "abc"
    assert len(ModelFolder(target).history) == 3
    about.unlink()
    again = write_trained(tmp_path / "again", dataset, "mini", seed=9)
    keep(again, target)
    assert ModelFolder(target).provenance is None, "it describes the model before"


def test_a_record_that_a_kill_left_between_two_renames_comes_back(
    dataset: FaceDataset, trained: list[ModelFolder], tmp_path: Path
) -> None:
    keep(trained[0], tmp_path / "kept/mini")
    (tmp_path / "kept/mini").rename(tmp_path / "kept/.mini.old")
    assert [folder.name for folder in kept_models(tmp_path / "kept", dataset)] == ["mini"]


BAD_LATENCIES = (
    "",
    "model,latency_ms,latency_cores\nmini,1.0,2\n",
    "model_sha256,latency_ms,latency_cores\n\xff,1.0\n",
    "model_sha256,latency_ms,latency_cores\na,1.0,2\n<<<<<<< HEAD\n",
    "model_sha256,latency_ms,latency_cores\na,1.0,2\na,1.5,2\n",
    "model_sha256,latency_ms,latency_cores\na,-1.0,2\n",
    "model_sha256,latency_ms,latency_cores\na,inf,2\n",
)


@pytest.mark.parametrize("table", [*BAD_LATENCIES, "model_sha256,latency_ms,latency_cores\na,1.0,2\nb,1.0,16\n"])
def test_damaged_latencies_are_one_line(
    trained: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Path("latency.csv")
    kept.write_text(table, encoding="latin-1")
    with pytest.raises(UserError, match=r"^latency.csv: .*; git checkout -- latency.csv, or remove it$") as caught:
        compare_all(trained, kept)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("table", BAD_LATENCIES)
def test_a_damaged_comparison_of_this_machine_is_one_line(
    trained: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reports/compare").mkdir(parents=True)
    Path("reports/compare/comparison.csv").write_text(table, encoding="latin-1")
    with pytest.raises(UserError, match=r"comparison.csv: .*; run dvc repro --force compare$"):
        compare_all(trained, tmp_path / "latency.csv")


def test_a_latency_outlasts_a_run_without_its_model(
    trained: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    compared(*trained, milliseconds=4.0)
    compare_all(trained, tmp_path / "latency.csv")
    Path("reports/compare/comparison.csv").unlink()
    for models in (trained[:1], trained):
        table = compare_all(models, tmp_path / "latency.csv")
        assert table["latency_ms"].tolist() == [4.0] * len(models)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("FER-2013", "fer-2013"), ("drawn sample", "drawn-sample"), ("../../up", "up"), ("..", "unnamed"), ("a/ü", "a-ü")],
)
def test_no_data_sets_name_leads_out_of_the_folder_of_records(dataset: FaceDataset, name: str, folder: str) -> None:
    assert slug(replace(dataset, name=name)) == folder


def test_a_second_run_is_refused_while_the_first_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with FileLock(Path("state/results.lock")), pytest.raises(UserError, match="another run is writing it"):
        results.results()


def checked(fingerprint: str) -> CheckReport:
    result = CheckResult("labels", "unique", "no copies", "drop them", (), "warning", False, 1, 0.5, ("face-1",), None)
    return CheckReport("small faces", fingerprint, 2, (result,), (SkippedCheck("labels", "votes agree", "votes"),), ())


def write_reports(dataset: FaceDataset) -> None:
    """What the first three stages leave of a data set, as far as the page looks at it."""
    for path in (paths.INGEST_REPORT, *paths.DATA_FIGURES):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    counts = dataset.counts().T.to_dict()
    source: dict[str, object] = dict.fromkeys(("images", "unique_images", "blank", "conflicting_groups"), 1)
    source |= {"surplus_copies": {"train": 0}, "train_copy": {}, "counts": counts}
    ingested = {"source": source, "removed": {"blank": 1}, "dataset": {"images": len(dataset), "counts": counts}}
    paths.INGEST_REPORT.write_text(json.dumps(ingested))
    paths.VALIDATION_REPORT.write_text(checked(dataset.fingerprint).to_json())
    class_counts(dataset).to_csv(paths.CLASS_COUNTS, index=False)


def test_great_expectations_is_not_needed_to_read_what_it_found() -> None:
    code = "import sys, fer.report.data_reports; print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("path", [paths.INGEST_REPORT, paths.VALIDATION_REPORT, paths.CLASS_COUNTS])
def test_a_report_of_other_data_is_one_line(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    write_reports(small_dataset(train=3, held_out=5))
    other = path.read_bytes()
    write_reports(dataset)
    assert read_reports(results.DATA_FILES, dataset)[1] == checked(dataset.fingerprint)
    path.write_bytes(other)
    words = rf"^{path}: of other data than small faces {dataset.fingerprint}; run dvc repro$"
    with pytest.raises(UserError, match=words):
        read_reports(results.DATA_FILES, dataset)


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        (paths.INGEST_REPORT, "{}", "lacks source, removed, dataset"),
        (paths.INGEST_REPORT, '{"source": {}, "removed": {}, "dataset": {}}', "lacks source.images, .* and 5 more"),
        (paths.VALIDATION_REPORT, "{}", "lacks dataset, fingerprint, images and 3 more"),
        (
            paths.VALIDATION_REPORT,
            checked("0").to_json().replace('"description": "no copies",', ""),
            "lacks results.0.description",
        ),
        (
            paths.VALIDATION_REPORT,
            checked("0").to_json().replace('"fingerprint": "0"', '"fingerprint": 3'),
            "fingerprint: .*valid string, got 3",
        ),
        (paths.VALIDATION_REPORT, "{", "not to be read .*"),
        (paths.VALIDATION_REPORT, "[]", "input should be an object, got .*"),
        (paths.CLASS_COUNTS, "", "not to be read .*"),
        (paths.CLASS_COUNTS, "emotion,split\n", "not to be read .*images.*"),
        (paths.CLASS_COUNTS, "images\nmany\n", "not to be read .*many.*"),
    ],
)
def test_a_report_of_another_form_is_one_line(
    dataset: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path, content: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_reports(dataset)
    path.write_text(content)
    with pytest.raises(UserError, match=f"^{path}: {words}; run dvc repro$") as caught:
        read_reports(results.DATA_FILES, dataset)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def published() -> list[ModelFolder]:
    found = best_first(trained_below(RECORDS))
    assert found
    return found


def test_a_test_split_of_copies_alone_is_a_record_like_any_other(dataset: FaceDataset, tmp_path: Path) -> None:
    copies = with_values(dataset, "train_copy", dict.fromkeys(map(int, dataset.rows("test")), True))
    keep(write_trained(tmp_path / "models", copies, "mini"), tmp_path / "kept/mini")
    (kept,) = kept_models(tmp_path / "kept", copies)
    assert math.isnan(kept.metrics["test_without_copies.accuracy"])
    table = without_copies_table(comparison_table([kept], few_resamples().compare))
    assert table.iloc[0].tolist() == ["Mini", "0", "-", "-", "-"]


@pytest.fixture
def newer_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that computes a metric more than the code that wrote the records, and one less."""

    def evaluate_anew(*arguments: Any) -> dict[str, float]:
        figures = evaluate(*arguments)
        del figures["support"]
        return figures | {"balanced_accuracy": 0.5}

    monkeypatch.setattr(predictions, "evaluate", evaluate_anew)


@pytest.mark.usefixtures("newer_metric")
def test_a_new_metric_breaks_no_kept_record() -> None:
    kept = [ModelFolder(path.parent) for path in RECORDS.parent.rglob("run.json")]
    assert len(kept) >= 18
    for folder in kept:
        check(folder, "mend it")
        assert folder.metrics["test_ten_views.balanced_accuracy"] == 0.5
        assert "test_ten_views.balanced_accuracy" not in folder.recorded_metrics


@pytest.mark.parametrize("error", [TypeError, AttributeError, KeyError, IndexError])
def test_a_bug_of_ours_is_no_damage(
    trained: list[ModelFolder], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def broken(*_: Any) -> dict[str, float]:
        raise error("a bug")

    monkeypatch.setattr(predictions, "evaluate", broken)
    with pytest.raises(error, match="a bug"):
        check(ModelFolder(trained[0].path), "mend it")


def test_the_records_figures_are_those_of_their_predictions(published: list[ModelFolder]) -> None:
    for folder in published:
        table = folder.predictions[folder.predictions["split"] == "test"]
        recorded = folder.recorded_metrics
        assert recorded["test.accuracy"] == accuracy_score(table["emotion"], table["predicted"]), folder.path
        macro_f1 = f1_score(table["emotion"], table["predicted"], average="macro", zero_division=0)
        assert recorded["test.macro_f1"] == pytest.approx(macro_f1), folder.path
