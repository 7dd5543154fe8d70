"""The whole pipeline on a tiny sample: real DVC, Prefect, Great Expectations, MLflow and BentoML."""

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from project import SECONDS, Project, kill, make_project, tiny

pytestmark = pytest.mark.slow

ARCHITECTURES = ["baseline", "mobilenetv2"]
TRAINED = ["train@baseline", "train@mobilenetv2"]
MODELS = [*ARCHITECTURES, "baseline_distilled"]
STAGES = [
    "ingest", "validate", "explore", "recipes", *TRAINED, "ensemble", "distill@baseline", "compare", "promote",
    "package",
]  # fmt: skip
OUTPUTS = ("data/dataset", "models", "distilled", "reports", "champion")
EPOCHS = 12


@dataclass(frozen=True)
class Retrained:
    project: Project
    stdout: str


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Retrained:
    """A project after ``retrain``, both architectures at the same time on a fresh store; read only."""
    project = make_project(tmp_path_factory.mktemp("pipeline") / "project")
    project.edit(tiny)
    done = project.run("pipelines", "retrain", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return Retrained(project, done.stdout)


@pytest.fixture
def copy(retrained: Retrained, tmp_path: Path) -> Project:
    """The retrained project to change, with empty stores: a fresh clone after ``dvc pull``."""
    return retrained.project.copy(tmp_path / "project")


def store_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """A client of the project's MLflow store, which keeps the variable that MLflow sets to this test."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    mlflow.set_tracking_uri(f"sqlite:///{project.folder / 'state' / 'mlflow.db'}")
    return mlflow.MlflowClient()


def runs_of(store: mlflow.MlflowClient) -> dict[str, Any]:
    """The store's runs by architecture, each of which has one; without those that stand for a ``retrain``."""
    experiment = store.get_experiment_by_name("fer")
    assert experiment is not None
    found = store.search_runs([experiment.experiment_id])
    runs = [run for run in found if "fer.pipeline_run_id" not in run.data.tags]
    named = {run.info.run_name: run for run in runs}
    assert len(named) == len(runs)
    return named


def json_of(path: Path) -> Any:
    return json.loads(path.read_text())


def stale(project: Project) -> set[str]:
    """The stages that DVC would run."""
    return set(json.loads(project.run("dvc", "status", "--json").stdout))


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError


def test_every_declared_output_is_there(retrained):
    lock = yaml.safe_load((retrained.project.folder / "dvc.lock").read_text())
    assert sorted(lock["stages"]) == sorted(STAGES)
    for name, stage in lock["stages"].items():
        for out in stage["outs"]:
            assert (retrained.project.folder / out["path"]).exists(), (name, out["path"])
    for path in ("reports/compare/comparison.csv", "reports/compare/comparison.png", "reports/data_docs/index.html"):
        assert (retrained.project.folder / path).stat().st_size > 0


def test_the_comparison_names_its_data(retrained):
    reports = retrained.project.folder / "reports"
    table = pd.read_csv(reports / "compare" / "comparison.csv")
    assert sorted(table["model"]) == sorted(MODELS)
    assert set(table["dataset"]) == {"drawn sample"}
    assert (table["latency_ms"] > 0).all()
    fingerprint = json_of(retrained.project.folder / "data" / "dataset" / "dataset.json")["fingerprint"]
    assert set(table["fingerprint"]) == {fingerprint}
    metrics = json_of(reports / "compare" / "metrics.json")
    assert metrics.pop("dataset") == f"drawn sample ({fingerprint})"
    assert sorted(metrics) == sorted(MODELS)
    for row in table.to_dict("records"):
        assert metrics[row["model"]]["test"]["accuracy"] == pytest.approx(row["test.accuracy"])
        assert len(metrics[row["model"]]["test"]) == 2 + 7
        assert len(metrics[row["model"]]["validation"]) == 2
    assert f"drawn sample ({fingerprint})" in retrained.stdout


def test_dvc_plots_every_models_curves_and_confusion_matrix(retrained):
    plotted = retrained.project.run("dvc", "plots", "show", "--json")
    assert plotted.returncode == 0, plotted.stderr
    plots = json.loads(plotted.stdout)["data"]
    for model in MODELS:
        for plot in (f"curves/accuracy/{model}.csv", f"curves/loss/{model}.csv", f"confusion/{model}.csv"):
            assert f"reports/compare/{plot}" in plots, list(plots)


def test_mlflow_has_a_finished_run_with_curves_per_architecture(retrained, monkeypatch):
    store = store_of(retrained.project, monkeypatch)
    runs = runs_of(store)
    assert sorted(runs) == sorted(MODELS)
    (parent,) = {run.data.tags["mlflow.parentRunId"] for run in runs.values()}
    assert store.get_run(parent).info.status == "FINISHED"
    for name, run in runs.items():
        distilled = name.endswith("_distilled")
        folder = retrained.project.folder / ("distilled" if distilled else "models") / name.removesuffix("_distilled")
        assert run.info.status == "FINISHED"
        assert run.data.tags["dataset"] == "drawn sample"
        history = pd.read_csv(folder / "history.csv")
        points = store.get_metric_history(run.info.run_id, "epoch.loss")
        assert [point.step for point in points] == history["epoch"].tolist()
        assert [point.value for point in points] == pytest.approx(history["loss"].tolist())
        assert run.data.metrics["test.macro_f1"] == json_of(folder / "metrics.json")["test.macro_f1"]
        assert run.data.metrics["test.accuracy.low"] <= run.data.metrics["test.accuracy"]
        assert run.data.metrics["latency_ms"] > 0
        assert json_of(folder / "mlflow.json")["run_id"] == run.info.run_id


def test_the_registrys_champion_is_the_packaged_model(retrained, monkeypatch):
    project = retrained.project
    store = store_of(project, monkeypatch)
    version = store.get_model_version_by_alias("fer-classifier", "champion")
    card = json_of(project.folder / "champion" / "card.json")
    assert version.tags["architecture"] == card["architecture"]
    digest = hashlib.sha256((project.folder / "champion" / "model.onnx").read_bytes()).hexdigest()
    assert digest == card["model_sha256"] == version.tags["model_sha256"]
    best = pd.read_csv(project.folder / "reports" / "compare" / "comparison.csv").iloc[0]
    assert card["architecture"] == best["model"]

    bento = json_of(project.folder / "reports" / "bento.json")
    assert bento["model_sha256"] == digest
    assert bento["dataset"] == "drawn sample"
    assert (project.folder / "state/bentoml/bentos" / bento["tag"].replace(":", "/") / "bento.yaml").is_file()


def test_prefect_kept_every_flow_run(retrained):
    with closing(sqlite3.connect(retrained.project.folder / "state" / "prefect" / "prefect.db")) as database:
        rows = database.execute(
            "select flow.name, flow_run.state_type from flow_run join flow on flow.id = flow_run.flow_id"
        ).fetchall()
        artifacts = {key for (key,) in database.execute("select distinct key from artifact")}
    assert sorted(name for name, _ in rows) == sorted([*(stage.split("@")[0] for stage in STAGES), "retrain"])
    assert {state for _, state in rows} == {"COMPLETED"}
    assert {"checks", "comparison"} <= artifacts


def test_nothing_runs_a_second_time(retrained):
    project = retrained.project
    lock, outputs = (project.folder / "dvc.lock").read_bytes(), project.bytes_of(*OUTPUTS)
    done = project.run("pipelines", "retrain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running stage" not in done.stdout
    assert (project.folder / "dvc.lock").read_bytes() == lock
    assert project.bytes_of(*OUTPUTS) == outputs
    assert json.loads(project.run("dvc", "status", "--json").stdout) == {}


def test_what_a_kill_left_of_dvcs_lock_file_stops_nothing(retrained):
    lock = retrained.project.folder / ".dvc" / "tmp" / "rwlock"
    lock.write_text("")
    assert "'.dvc/tmp/rwlock'. JSON structure is corrupted" in retrained.project.run("dvc", "repro", "ingest").stderr
    done = retrained.project.run("pipelines", "retrain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json_of(lock) == {}


def test_a_change_to_one_architectures_section_retrains_that_one_alone(copy):
    copy.edit(lambda params: params["architectures"]["mobilenetv2"]["quick"].update(learning_rate=0.002))
    copy.edit(lambda params: params["architectures"]["compact"]["quick"].update(learning_rate=0.002))
    copy.edit(lambda params: params["recipes"]["full"].update(epochs=3))
    refused = copy.run("pipelines", "train", "mobilenetv2")
    assert refused.stderr.splitlines()[-1] == (
        "error: reports/recipes/mobilenetv2.json: not what params.yaml says now; run dvc repro recipes"
    )
    assert stale(copy) == {"recipes"}
    assert copy.run("dvc", "repro", "recipes").returncode == 0
    assert stale(copy) == {"train@mobilenetv2"}


def test_a_new_architecture_and_what_moves_no_weight_retrain_nothing(copy):
    (copy.folder / "fer/models/new.py").write_text(
        (copy.folder / "fer/models/mini.py").read_text().replace("mini", "new")
    )
    for path in ("fer/training/progress.py", "fer/training/export.py", "pipelines/train.py", "fer/tracking.py"):
        with (copy.folder / path).open("a") as file:
            file.write("# edited\n")
    assert stale(copy) == set()
    copy.edit(lambda params: params["train"]["architectures"].append("new"))
    every_model = {"ensemble", "compare", "promote"}
    assert stale(copy) == {"recipes", "train@new"} | every_model
    with (copy.folder / "fer/models/mobilenetv2.py").open("a") as file:
        file.write("# edited\n")
    assert stale(copy) == {"recipes", "train@new", "train@mobilenetv2"} | every_model


def test_any_recipe_runs_and_a_training_alone_brings_its_own_along(copy):
    copy.edit(
        lambda params: params["recipes"].update(night=params["recipes"]["quick"] | {"epochs": 1, "input_size": 40})
    )
    copy.edit(lambda params: params["train"].update(recipe="night"))
    done = copy.run("dvc", "repro", "train@mobilenetv2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running stage 'recipes'" in done.stdout
    assert json_of(copy.folder / "models/mobilenetv2/run.json")["recipe"]["input_size"] == 40
    for recipe in ("full", "accelerator"):
        copy.edit(lambda params, recipe=recipe: params["train"].update(recipe=recipe))
        done = copy.run("dvc", "repro", "--dry", "train@baseline")
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_table_of_votes_is_read_again(copy):
    votes = copy.folder / "votes.csv"
    votes.write_text("first\n")
    copy.edit(lambda params: params["data"].update(votes="votes.csv"))
    assert copy.run("dvc", "commit", "--force", "ingest").returncode == 0
    assert stale(copy) == set()
    votes.write_text("second\n")
    assert json.loads(copy.run("dvc", "status", "--json").stdout) == {
        "ingest": [{"changed deps": {"votes.csv": "modified"}}]
    }


def test_fresh_stores_are_given_the_runs_the_champion_and_the_bento_again(copy, monkeypatch):
    lock, outputs = (copy.folder / "dvc.lock").read_bytes(), copy.bytes_of("models", "champion")
    served = copy.run("pipelines", "serve")
    assert served.returncode == 1
    assert re.fullmatch(r"error: .*: the BentoML store lacks the champion; run make run, .*\n", served.stderr)
    done = copy.run("pipelines", "retrain")
    assert done.returncode == 0, done.stdout + done.stderr
    store = store_of(copy, monkeypatch)
    assert {name: run.info.status for name, run in runs_of(store).items()} == dict.fromkeys(MODELS, "FINISHED")
    champion = store.get_model_version_by_alias("fer-classifier", "champion")
    assert champion.tags["model_sha256"] == json_of(copy.folder / "champion" / "card.json")["model_sha256"]
    bento = json_of(copy.folder / "reports" / "bento.json")
    assert (copy.folder / "state/bentoml/bentos" / bento["tag"].replace(":", "/") / "bento.yaml").is_file()
    assert copy.bytes_of("models", "champion") == outputs
    assert (copy.folder / "dvc.lock").read_bytes() == lock


def test_a_misspelt_key_is_one_line_before_dvc_runs(tmp_path):
    project = make_project(tmp_path / "project")
    project.edit(lambda params: params["data"].update(pth=params["data"].pop("path")))
    done = project.run("pipelines", "retrain", "--workers", "2")
    assert done.returncode == 1
    assert "error: params.yaml: data.pth: unknown key; did you mean path?" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert "failed to parse" not in done.stdout + done.stderr


def test_a_killed_training_leaves_the_last_good_model_and_goes_on_at_its_last_epoch(copy, monkeypatch):
    last_good = copy.bytes_of("models/baseline")
    copy.edit(lambda params: params["architectures"]["baseline"]["quick"].update(epochs=EPOCHS))
    checkpoints = copy.folder / "state" / "checkpoints"
    with copy.start("dvc", "repro", "train@baseline") as process:
        wait_for(lambda: list(checkpoints.glob("baseline-*/progress.json")) or process.poll() is not None)
        kill(process)
    (checkpoint,) = checkpoints.glob("baseline-*")
    finished = json_of(checkpoint / "progress.json")["epochs"]
    assert 1 <= finished < EPOCHS
    assert copy.bytes_of("models/baseline") == last_good

    done = copy.run("dvc", "repro", "train@baseline")
    assert done.returncode == 0, done.stdout + done.stderr
    told = [int(epoch) for epoch in re.findall(r"^baseline: epoch (\d+)/", done.stdout, re.MULTILINE)]
    assert told == list(range(finished + 1, EPOCHS + 1))
    assert not checkpoint.exists()
    assert pd.read_csv(copy.folder / "models/baseline/history.csv")["epoch"].tolist() == list(range(1, EPOCHS + 1))
    store = store_of(copy, monkeypatch)
    run = runs_of(store)["baseline"]
    assert run.info.status == "FINISHED"
    steps = [point.step for point in store.get_metric_history(run.info.run_id, "epoch.loss")]
    assert steps == list(range(1, EPOCHS + 1))


def keep_one_of_another_machine(model: Path, record: Path) -> None:
    """A record as if ``model`` were a VGG16 that was trained elsewhere."""
    record.mkdir(parents=True)
    for name in ("metrics.json", "predictions.parquet"):
        shutil.copy(model / name, record)
    run = json_of(model / "run.json") | {"architecture": "vgg16", "title": "VGG16", "model_sha256": "f" * 64}
    about = {"model_sha256": "f" * 64, "commit": "c" * 40, "minutes": 61.2, "cores": "96", "accelerator": "NVIDIA H200"}
    for name, content in (("run.json", run), ("mlflow.json", about)):
        (record / name).write_text(json.dumps(content))


def test_the_results_page_is_written_from_the_runs_files(copy):
    done = copy.run("pipelines", "ablate", "copies_kept")
    assert done.returncode == 0, done.stdout + done.stderr
    done = copy.run("pipelines", "repeat", "baseline", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    repeat = copy.folder / "reports/repeats/baseline_quick_2"
    assert json_of(repeat / "run.json")["seed"] == 2
    ablation = copy.folder / "reports/ablations/copies_kept"
    own = json_of(copy.folder / "models/baseline/run.json")
    assert json_of(ablation / "run.json")["fingerprint"] != own["fingerprint"]
    records = copy.folder / "docs/records/drawn-sample"
    keep_one_of_another_machine(copy.folder / "models/mobilenetv2", records / "models/vgg16")
    done = copy.run("pipelines", "results")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (copy.folder / "docs/results.md").read_text()
    assert page.startswith("# Results on drawn sample")
    metrics = json_of(copy.folder / "models/baseline/metrics.json")
    for name in ("test.accuracy", "test_ten_views.accuracy", "test_without_copies.accuracy"):
        assert f"{metrics[name]:.3f}" in page
    assert "the study's F1" not in page, "its figures are of FER-2013"
    images = re.findall(r"\((images/[^)]+)\)", page)
    assert len(images) == 8
    assert {path.name for path in (copy.folder / "reports/results").iterdir()} == {
        "samples.png", "mistakes.png", "saliency.png",
    }  # fmt: skip
    accuracy = json_of(ablation / "metrics.json")["test.accuracy"]
    kept = rf"\| Baseline CNN, copies kept \| .*\| {accuracy:.3f} .*\| `python -m pipelines ablate copies_kept` \|"
    assert re.search(kept, page)
    assert re.search(r"\| Baseline CNN \(distilled\) \| .*\| `dvc repro distill@baseline` \|", page)
    accuracy = json_of(repeat / "metrics.json")["validation.accuracy"]
    assert re.search(rf"\| 2 \| {accuracy:.3f} \|.*\n.*mean of 2 \|  \| [\d.]+ ± [\d.]+ \|", page)
    assert all((copy.folder / "docs" / image).is_file() for image in images)
    assert re.search(r"^\| minutes of all epochs \| .*\| 61 on 96 cores and NVIDIA H200 \|", page, re.MULTILINE)
    (times,) = re.findall(r"^\| ms per face .*$", page, re.MULTILINE)
    assert (times.count("| - |"), len(re.findall(r"\d\.\d", times))) == (1, len(MODELS))
    assert json_of(records / "models/baseline/run.json") == own
    assert (records / "models/baseline_distilled/predictions.parquet").is_file()
    assert (records / "ablations/baseline/copies_kept/predictions.parquet").is_file()
    assert (records / "repeats/baseline_quick_2/predictions.parquet").is_file()


def test_the_student_learned_from_the_ensembles_answers(retrained):
    folders = [retrained.project.folder / name / "baseline" for name in ("models", "distilled")]
    own, taught = (json_of(folder / "run.json") for folder in folders)
    assert (own["recipe"], own["seed"]) == (taught["recipe"], taught["seed"])
    losses = [pd.read_csv(folder / "history.csv")["loss"] for folder in folders]
    assert (losses[0] != losses[1]).all(), "the same batches with other targets"
    teacher = taught["teacher"]
    weights = json_of(retrained.project.folder / "reports/ensemble/ensemble.json")["weights"]
    assert teacher["members"] == ", ".join(f"{name} {weight:.2f} (random)" for name, weight in weights.items())
    answers = np.load(retrained.project.folder / "reports/ensemble/teacher_predictions.npy")
    assert teacher["digest"] == hashlib.sha256(answers.tobytes()).hexdigest()
    table = pd.read_parquet(retrained.project.folder / "data/dataset/table.parquet")
    assert answers.shape == ((table["split"] == "train").sum(), 7)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)


def test_another_precision_gives_the_reigning_champion_other_thresholds(copy, retrained):
    shutil.copytree(retrained.project.folder / "state", copy.folder / "state")
    before = json_of(copy.folder / "champion/card.json")
    copy.edit(lambda params: params["promote"].update(certain_precision=0.0))
    done = copy.run("dvc", "repro", "promote")
    assert "the reigning champion stays" in done.stdout, done.stdout + done.stderr
    card = json_of(copy.folder / "champion/card.json")
    assert 0.0 in card["thresholds"].values(), "every answer of a class that is answered stands"
    assert card["thresholds"] != before["thresholds"]
    assert card == before | {"thresholds": card["thresholds"]}


def test_the_best_small_model_is_released_into_the_package(copy):
    committed = copy.bytes_of("fer/released")
    refused = copy.run("pipelines", "release")
    assert refused.returncode == 1
    assert "holds a model of FER-2013; remove it to release one of drawn sample" in refused.stderr.splitlines()[-1]
    assert copy.bytes_of("fer/released") == committed
    shutil.rmtree(copy.folder / "fer" / "released")
    done = copy.run("pipelines", "release")
    assert done.returncode == 0, done.stdout + done.stderr
    released = copy.folder / "fer" / "released"
    assert {path.name for path in released.iterdir()} == {"model.onnx", "card.json", "README.md"}
    card = json_of(released / "card.json")
    assert card["dataset"] == "drawn sample"
    assert card["architecture"] in ("baseline", "baseline_distilled", "mobilenetv2")
    assert set(card["thresholds"]) == set(card["classes"])
    assert (released / "model.onnx").stat().st_size < 10_000_000


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_terminated_retrain_leaves_nothing_running_and_no_lock(copy, workers):
    copy.edit(lambda params: params["architectures"]["baseline"]["quick"].update(epochs=500))
    checkpoints = copy.folder / "state" / "checkpoints"
    with copy.start("pipelines", "retrain", "--workers", workers) as process:
        wait_for(lambda: list(checkpoints.glob("baseline-*/progress.json")) or process.poll() is not None)
        family = psutil.Process(process.pid).children(recursive=True)
        assert {"dvc", "train", "prefect"} <= {word for member in family for word in member.cmdline()}
        process.terminate()
        stdout, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + signal.SIGTERM, stdout + stderr
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert json_of(copy.folder / ".dvc" / "tmp" / "rwlock") == {}
    assert not (copy.folder / "state" / "prefect" / "server.url").exists()


def test_the_retrain_flow_can_be_deployed_with_a_schedule(tmp_path):
    project = make_project(tmp_path / "project")
    address = project.folder / "state" / "prefect" / "server.url"
    with project.start("pipelines", "schedule", "0 3 * * *") as process:

        def deployments() -> list[dict[str, Any]]:
            assert process.poll() is None, process.communicate()
            if not address.is_file():
                return []
            return httpx.post(f"{address.read_text()}/deployments/filter", json={}, timeout=60).json()

        (deployment,) = wait_for(deployments)
        assert deployment["name"] == "scheduled"
        assert [(entry["schedule"]["cron"], entry["active"]) for entry in deployment["schedules"]] == [
            ("0 3 * * *", True)
        ]
        url = address.read_text()
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=SECONDS)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health", timeout=5)
    assert not address.exists()
