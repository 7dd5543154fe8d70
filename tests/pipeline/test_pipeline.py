"""What one run of the pipeline on a tiny sample leaves: real DVC, Prefect, Great Expectations, MLflow and BentoML."""

import hashlib
import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow_stores import runs_of, store_of
from project import json_of

from fer.evaluation.predictions import SCORE
from fer.inference.classifier import Card

pytestmark = pytest.mark.slow

ARCHITECTURES = ["baseline", "mini"]
TRAINED = ["train@baseline", "train@mini"]
STAGES = [
    "ingest", "validate", "explore", "recipes", *TRAINED, "ensemble", "distill@baseline", "compare", "promote",
    "package",
]  # fmt: skip
MODELS = [*ARCHITECTURES, "baseline_distilled"]


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
    assert digest == card["model_sha256"]
    assert version.tags["model_sha256"] == Card.load(project.folder / "champion").network_sha256
    if card["arithmetic"] == "int8":  # of so few validation images two make it fail its gate
        assert card["gates"]["int8 accuracy"].startswith("passed")
        whole = Card.load(project.folder / "champion" / "float32")
        assert (whole.model_sha256, whole.arithmetic) == (card["trained_sha256"], "float32")
    else:
        assert not (project.folder / "champion" / "float32").exists()
    scores = pd.read_csv(project.folder / "reports" / "compare" / "comparison.csv").set_index("model")[SCORE]
    assert scores[card["architecture"]] == scores.max(), "so few validation images may give equals"

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


def test_the_student_learned_from_the_ensembles_predictions(retrained):
    folders = [retrained.project.folder / name / "baseline" for name in ("models", "distilled")]
    own, taught = (json_of(folder / "run.json") for folder in folders)
    assert (own["recipe"], own["seed"]) == (taught["recipe"], taught["seed"])
    losses = [pd.read_csv(folder / "history.csv")["loss"] for folder in folders]
    assert (losses[0] != losses[1]).all(), "the same batches with other targets"
    teacher = taught["teacher"]
    weights = json_of(retrained.project.folder / "reports/ensemble/ensemble.json")["weights"]
    assert teacher["members"] == ", ".join(f"{name} {weight:.2f} (random)" for name, weight in weights.items())
    predictions = np.load(retrained.project.folder / "reports/ensemble/teacher_predictions.npy")
    assert teacher["digest"] == hashlib.sha256(predictions.tobytes()).hexdigest()
    table = pd.read_parquet(retrained.project.folder / "data/dataset/table.parquet")
    assert predictions.shape == ((table["split"] == "train").sum(), 7)
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-5)
