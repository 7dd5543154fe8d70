"""Stage 5: the trained architectures together."""

import json

import numpy as np
from prefect import flow

from fer.data.dataset import FaceDataset
from fer.evaluation.comparison import open_models
from fer.evaluation.ensemble import Ensemble, build_ensemble, ensemble_predict, metrics_with_intervals
from fer.evaluation.headline import headline_metrics
from fer.evaluation.model_folder import ModelFolder
from fer.files import replace_file, write_array, write_text
from fer.params import load_params
from fer.sections import Compare
from pipelines import paths
from pipelines.flows import task
from pipelines.reporting import say


@flow(flow_run_name="ensemble")
def ensemble() -> None:
    """Choose members and weights on validation, measure their mean, and predict the train split with it."""
    dataset = FaceDataset.load(paths.DATASET)
    params = load_params()
    folders = open_models(paths.MODELS, params.train.architectures, dataset)
    chosen = choose(folders)
    write(chosen, dataset, params.compare)
    members = members_of(chosen, folders)
    teach(chosen, members, folders, dataset)
    say(
        f"ensemble: {members} on {dataset.name}: ten views, "
        f"validation accuracy {chosen.metrics['validation_ten_views.accuracy']:.3f}"
    )


@task
def choose(folders: list[ModelFolder]) -> Ensemble:
    """Members, weights and temperature."""
    return build_ensemble(folders)


@task
def write(chosen: Ensemble, dataset: FaceDataset, settings: Compare) -> None:
    """The summary, the headline figures, and the predictions, a row per validation and test image."""
    with replace_file(paths.ENSEMBLE_PREDICTIONS) as fresh:
        chosen.predictions.to_parquet(fresh, index=False)
    summary = {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "weights": chosen.weights,
        "temperatures": chosen.temperatures,
        "metrics": metrics_with_intervals(chosen, dataset.classes, settings),
    }
    write_text(paths.ENSEMBLE_SUMMARY, json.dumps(summary, indent=2) + "\n")
    headline = {"ensemble": headline_metrics(chosen.metrics, dataset.classes)}
    write_text(paths.ENSEMBLE_METRICS, json.dumps(headline, indent=2) + "\n")


def members_of(chosen: Ensemble, folders: list[ModelFolder]) -> str:
    """The members as text: every name, its share, and the weights that it was trained from."""
    weights = {folder.path.name: folder.run.weights for folder in folders}
    return ", ".join(f"{name} {share:.2f} ({weights[name]})" for name, share in chosen.weights.items())


@task
def teach(chosen: Ensemble, members: str, folders: list[ModelFolder], dataset: FaceDataset) -> None:
    """The teacher's files: who the members are, and their predictions of the images that they were trained on."""
    predictions = ensemble_predict(chosen, folders, np.asarray(dataset.images[dataset.rows("train")]))
    write_array(paths.TEACHER_PREDICTIONS, predictions)
    # Last: its fingerprint says that the predictions are of this data.
    write_text(paths.TEACHERS, json.dumps({"fingerprint": dataset.fingerprint, "members": members}, indent=2) + "\n")
