"""What is kept of a model for good: its facts, predictions and history, without the network.

A page of results grows over weeks and machines; the networks stay in the DVC cache of the machine that trained them.
From a model's predictions every metric can be computed again.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.model_folder import AGAIN, HISTORY, METRICS, PREDICTIONS, PROVENANCE, RUN, ModelFolder
from fer.evaluation.predictions import SCORE, probability_columns
from fer.files import replace_folder, restore_folder


def keep(folder: ModelFolder, target: Path) -> None:
    """Copy a model's files, except the network's own, into ``target``, in place of what is kept there.

    The predictions are the same numbers, packed to 60 % of the bytes, since they go into Git. History and provenance
    are kept on where ``folder`` no longer has them, as when DVC brought the model here.
    """
    kept = ModelFolder(target)
    same = (target / RUN).is_file() and kept.run.model_sha256 == folder.run.model_sha256
    sources = [folder, kept] if same else [folder]
    histories = [source.path / HISTORY for source in sources if (source.path / HISTORY).is_file()]
    provenances = [source.path / PROVENANCE for source in sources if source.provenance]
    predictions = folder.predictions
    numbers = predictions.select_dtypes("float32").columns
    with replace_folder(target) as fresh:
        predictions.to_parquet(
            fresh / PREDICTIONS,
            index=False,
            compression="zstd",
            use_dictionary=predictions.columns.difference(numbers).tolist(),
            column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        )
        for path in (folder.path / RUN, folder.path / METRICS, *histories[:1], *provenances[:1]):
            shutil.copyfile(path, fresh / path.name)


def kept_models(
    records: Path, dataset: FaceDataset, name_of: Callable[[ModelFolder], str] = lambda folder: folder.name
) -> list[ModelFolder]:
    """The models kept in ``records``, best validation macro-F1 first.

    Args:
        records: holds a folder a model.
        dataset: what all must have been trained on.
        name_of: gives the name that a model's folder must have.

    Raises:
        UserError: where one was trained on other data than ``dataset``, is damaged or contradicts itself.
    """
    folders = trained_below(records)
    for folder in folders:
        remedy = remedy_of(folder)
        check(folder, remedy)
        if folder.path.name != (name := name_of(folder)):
            raise UserError(f"{folder.path}: is a record of {name}; give the folder that name, or remove it")
        if folder.job.fingerprint != dataset.fingerprint:
            raise UserError(
                f"{folder.path}: kept of a training on other data ({folder.run.fingerprint}) than the present "
                f"{dataset.name} ({dataset.fingerprint}); give these a name of their own: data.name in params.yaml"
            )
        check_images(folder, dataset, remedy)
    return best_first(folders)


def remedy_of(folder: ModelFolder) -> str:
    """How to mend a damaged record."""
    return f"git checkout -- {folder.path}, or remove it"


def check(folder: ModelFolder, remedy: str) -> None:
    """Check that a training's files are whole, and that the metrics it recorded are those of its predictions.

    A metric that is newer than the record is in none of its files, and is no damage.

    Raises:
        UserError: where they are not, with ``remedy`` at its end.
    """
    try:
        problem = _problem_of(folder)
    except UserError as error:
        problem = str(error).removeprefix(f"{folder.path}/").removesuffix(f"; {AGAIN}")
    if problem:
        raise UserError(f"{folder.path}: damaged ({problem}); {remedy}")


def _problem_of(folder: ModelFolder) -> str:
    """What is wrong with a training's files, in a few words; empty where nothing is."""
    predictions, classes, recorded = folder.predictions, folder.classes, folder.recorded_metrics
    for views in (1, 10):
        given = predictions[probability_columns(classes, views)].to_numpy()
        if not ((given >= 0).all() and np.allclose(given.sum(axis=1), 1, atol=1e-3)):
            return f"{PREDICTIONS}: no probabilities"
    likeliest = predictions[probability_columns(classes, 1)].set_axis(classes, axis=1).idxmax(axis=1)
    if not (predictions["predicted"] == likeliest).all() or predictions["source_id"].hasnans:
        return f"{PREDICTIONS}: predicted is not the likeliest class, or a source_id is missing"
    if (folder.path / HISTORY).is_file() and len(folder.history) != folder.run.epochs:
        return f"{HISTORY}: not a row for every epoch"
    known = [name for name in folder.metrics if name in recorded]
    written, computed = ([figures[name] for name in known] for figures in (recorded, folder.metrics))
    if not np.allclose(written, computed, atol=1e-6, equal_nan=True):
        return f"{METRICS}: not the metrics of {PREDICTIONS}"
    _ = folder.provenance  # read by its schema
    return ""


def check_network(folder: ModelFolder, remedy: str) -> None:
    """Check that the network of ``run.json`` is there.

    Raises:
        UserError: where it is not, with ``remedy`` at its end.
    """
    if not folder.onnx.is_file():
        raise UserError(f"{folder.onnx}: missing; {remedy}")
    with folder.onnx.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != folder.run.model_sha256:
            raise UserError(f"{folder.onnx}: not the network that run.json describes (sha256 differs); {remedy}")


def check_images(folder: ModelFolder, dataset: FaceDataset, remedy: str) -> None:
    """Check that predictions are those of ``dataset``'s images of validation and test, in their order.

    Raises:
        UserError: where they are not, with ``remedy`` at its end.
    """
    rows = np.concatenate([dataset.rows(split) for split in ("validation", "test")])
    facts = ["split", "emotion", "train_copy"]
    expected = dataset.table.loc[rows, facts].reset_index(names="row")
    if not folder.predictions[["row", *facts]].equals(expected):
        raise UserError(f"{folder.path / PREDICTIONS}: not the predictions of {dataset.name}'s images; {remedy}")


def trained_below(path: Path) -> list[ModelFolder]:
    """The trainings in ``path``, a folder each, by name."""
    for old in path.glob(".*.old"):
        restore_folder(path / old.name.removeprefix(".").removesuffix(".old"))
    # A name that begins with a dot is that of a folder on its way into place.
    found = (folder for folder in path.glob("[!.]*") if folder.is_dir() and any(folder.iterdir()))
    return [ModelFolder(folder) for folder in sorted(found)]


def trained_by_architecture(path: Path) -> list[ModelFolder]:
    """The trainings in the folders of ``path``, one of which is an architecture's.

    Raises:
        UserError: where one lies in ``path`` itself.
    """
    places = sorted(path.glob("[!.]*"))
    for place in places:
        if (place / RUN).is_file():
            raise UserError(f"{place}: move it to {path}/{ModelFolder(place).job.architecture}/{place.name}")
    return [folder for place in places for folder in trained_below(place)]


def best_first(folders: list[ModelFolder]) -> list[ModelFolder]:
    """By validation macro-F1, and by name where that is equal."""
    return sorted(folders, key=lambda folder: (-folder.metrics[SCORE], folder.name))
