"""From a trained network to the files of its folder."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import split_metrics, with_predictions
from fer.evaluation.run_facts import RunFacts
from fer.files import replace_folder
from fer.inference.runtime import predict_views
from fer.job import Job
from fer.models.common.registry import get_architecture
from fer.training.epoch import predict
from fer.training.export import export_onnx
from fer.training.fit import Trained


def write_outputs(
    folder: Path, dataset: FaceDataset, job: Job, trained: Trained, software: dict[str, str] | None = None
) -> ModelFolder:
    """Predict, measure, export, and put the whole folder into place at once.

    ``run.json`` keeps the parity of ONNX Runtime and Keras, by which promotion judges: the largest difference of a
    probability.

    Args:
        folder: of the model.
        dataset: whose validation and test splits are predicted.
        job: what was trained.
        trained: what came of it.
        software: versions of the packages that trained, where those are not this machine's.
    """
    rows = np.concatenate([dataset.rows("validation"), dataset.rows("test")])
    faces = np.asarray(dataset.images[rows])
    probabilities = predict(trained.model, faces)
    table = dataset.table.loc[rows, ["source_id", "split", "emotion", "train_copy"]].reset_index(names="row")
    with replace_folder(folder) as fresh:
        export_onnx(trained.model, fresh / "model.onnx")
        views = predict_views(fresh / "model.onnx", faces)
        table = with_predictions(table, job.classes, probabilities, views.mean(axis=0))
        trained.model.save_weights(fresh / "model.weights.h5")
        table.to_parquet(fresh / "predictions.parquet", index=False)
        pd.DataFrame(trained.progress.history).to_csv(fresh / "history.csv", index=False)
        metrics = {"params": trained.model.count_params()} | split_metrics(table, job.classes)
        (fresh / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        run = RunFacts(
            architecture=job.architecture,
            title=get_architecture(job.architecture).title
            + (" (distilled)" if job.teacher and job.teacher.is_model else ""),
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            classes=job.classes,
            seed=job.seed,
            recipe=job.recipe,
            precision=trained.progress.precision,
            weights=trained.weights,
            preprocessing=trained.preprocessing,
            temperature=trained.temperature,
            epochs=trained.progress.epochs,
            best_epoch=trained.progress.best_epoch,
            parity=float(np.abs(views[0] - probabilities).max()),
            model_sha256=hashlib.sha256((fresh / "model.onnx").read_bytes()).hexdigest(),
            software={name: version(name) for name in ("keras", "numpy", "onnx", "onnxruntime")}
            | (software or {})
            | {"backend": trained.progress.backend},
            job=job.key,
            teacher=job.teacher,
            start=job.start,
            corrections=dataset.corrected.fingerprint if dataset.corrected else None,
        )
        (fresh / "run.json").write_text(run.to_json(), encoding="utf-8")
    return ModelFolder(folder)
