"""Folders as a training leaves them, from tiny ONNX models: no network is trained."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from onnx_models import write_model

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import split_metrics, with_predictions
from fer.evaluation.run_facts import RunFacts
from fer.inference.runtime import predict_views
from fer.job import Job
from fer.params import Params, load_params

PARAMS = Path(__file__).parents[1] / "params.yaml"


@cache
def committed_params() -> Params:
    """params.yaml as it stands in the repository, read once."""
    return load_params(PARAMS)


def job_of(dataset: FaceDataset, architecture: str = "baseline", seed: int = 0) -> Job:
    """The job that params.yaml describes for the data set."""
    return Job(architecture, dataset.classes, dataset.fingerprint, committed_params().recipe(architecture), seed)


def write_trained(
    models: Path, dataset: FaceDataset, architecture: str = "baseline", seed: int = 0, epochs: int = 3
) -> ModelFolder:
    """Write ``models/<architecture>``: a random linear model, its real predictions and metrics, a made-up history."""
    folder, job = models / architecture, job_of(dataset, architecture, seed)
    write_model(folder, dataset.classes, seed, dataset.face_size)
    (folder / "card.json").unlink()
    rows = np.concatenate([dataset.rows("validation"), dataset.rows("test")])
    faces = np.asarray(dataset.images[rows])
    views = predict_views(folder / "model.onnx", faces)
    table = dataset.table.loc[rows, ["source_id", "split", "emotion", "train_copy"]].reset_index(names="row")
    table = with_predictions(table, dataset.classes, views[0], views.mean(axis=0))
    table.to_parquet(folder / "predictions.parquet", index=False)
    metrics = {"params": dataset.face_size**2 * len(dataset.classes)} | split_metrics(table, dataset.classes)
    run = RunFacts(
        architecture=architecture,
        title=architecture.title(),
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        classes=dataset.classes,
        seed=seed,
        recipe=job.recipe,
        precision="float32",
        weights="random",
        epochs=epochs,
        best_epoch=epochs - 1,
        parity=0.0,
        software={"numpy": np.__version__},
        model_sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        job=job.key,
    )
    pd.DataFrame(history(epochs)).to_csv(folder / "history.csv", index=False)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "run.json").write_text(run.to_json())
    return ModelFolder(folder)


def history(epochs: int) -> list[dict[str, float]]:
    """One row per epoch, as ``fer.training.fit`` gives them."""
    return [
        {
            "epoch": epoch,
            "loss": 2.0 / epoch,
            "accuracy": 1 - 0.8 / epoch,
            "validation.loss": 2.2 / epoch,
            "validation.accuracy": 1 - 0.85 / epoch,
            "validation.macro_f1": 1 - 0.9 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]
