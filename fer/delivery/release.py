"""The model that the package carries: a small network with float16 weights, measured as it is released."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from fer.data.dataset import FaceDataset
from fer.delivery.promotion import card_of
from fer.errors import UserError
from fer.evaluation.abstention import acceptance_of, thresholds_of
from fer.evaluation.comparison import intervals
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, split_metrics, with_predictions
from fer.files import replace_folder, write_text
from fer.inference.classifier import CARD_FILE, MODEL_FILE, Card
from fer.inference.runtime import onnx_predict, ten_view_predict
from fer.params import Params
from fer.report.card import card_page

#: Bytes of the largest model that is released, and the accuracy that float16 may cost, as a share.
LARGEST, COST = 10_000_000, 0.002
#: What stands beside model and card for people to read.
PAGE_FILE = "README.md"


def choose(folders: list[ModelFolder]) -> ModelFolder:
    """The model with the best validation macro-F1 among those that are ours to give away and small enough in float16.

    Raises:
        UserError: where there is none.
    """
    fit = [
        folder
        for folder in folders
        if folder.run.weights == "random" and folder.onnx.stat().st_size / 2 < 0.98 * LARGEST
    ]
    if not fit:
        raise UserError(f"no model from random weights fits {LARGEST / 1e6:.0f} MB; train compact or mini")
    return max(fit, key=lambda folder: folder.metrics[SCORE])


def to_float16(source: Path, target: Path) -> None:
    """Write an ONNX model with its float32 kernels stored as float16 and cast back at the start.

    ONNX Runtime casts once, when it opens the model, and computes in float32 as before.
    """
    model = onnx.load(source)
    casts = []
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype == np.float32 and values.ndim > 1:
            name = constant.name
            constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def write_release(folder: ModelFolder, dataset: FaceDataset, params: Params, target: Path) -> Card:
    """Store a model in float16, measure what is left of it, and put model, card and page into ``target`` at once.

    Args:
        folder: of ``choose``.
        dataset: what it was trained on.
        params: for the thresholds and intervals.
        target: the folder in the package.

    Raises:
        UserError: where the float16 model is too large, or less accurate than the whole one by more than 0.2 points on
            validation, or ``target`` holds a model of another data set.
    """
    if (target / CARD_FILE).is_file() and (released := Card.load(target)).dataset != dataset.name:
        raise UserError(f"{target}: holds a model of {released.dataset}; remove it to release one of {dataset.name}")
    table = folder.predictions
    faces = np.asarray(dataset.images[table["row"].to_numpy()])
    with replace_folder(target) as fresh:
        model = fresh / MODEL_FILE
        to_float16(folder.onnx, model)
        reduced = with_predictions(table, folder.classes, onnx_predict(model, faces), ten_view_predict(model, faces))
        card = _describe(folder, reduced, dataset, params, fresh)
        lost = folder.metrics["validation.accuracy"] - card.metrics["validation.accuracy"]
        size = model.stat().st_size
        if lost > COST or size > LARGEST:
            raise UserError(
                f"{folder.path}: in float16 it has {size / 1e6:.1f} MB and is {100 * lost:.2f} points less accurate; "
                f"{LARGEST / 1e6:.0f} MB and {100 * COST:.1f} points are the limits"
            )
    return card


def describe_again(folder: ModelFolder, dataset: FaceDataset, params: Params, target: Path) -> Card:
    """Write the released model's card and page again, by today's code; the network stays.

    Args:
        folder: the released model's record: its facts and predictions.
        dataset: what it was trained on.
        params: for the thresholds and intervals.
        target: the folder in the package.

    Raises:
        UserError: where ``folder`` is the record of another network, or of another data set.
    """
    released = Card.load(target)
    if folder.run.model_sha256 != released.model_sha256 or folder.run.fingerprint != dataset.fingerprint:
        raise UserError(
            f"{folder.path}: not the record of the released {released.architecture} on {dataset.name}; "
            "release it whole: run python -m pipelines release without --card"
        )
    with replace_folder(target) as fresh:
        shutil.copyfile(target / MODEL_FILE, fresh / MODEL_FILE)
        return _describe(folder, folder.predictions, dataset, params, fresh)


def _describe(
    folder: ModelFolder, predictions: pd.DataFrame, dataset: FaceDataset, params: Params, target: Path
) -> Card:
    """Write the card and the page of the model in ``target``, which gives these predictions."""
    model = (target / MODEL_FILE).read_bytes()
    metrics = {"params": folder.metrics["params"]} | split_metrics(predictions, folder.classes)
    card = replace(
        card_of(folder, params.promote, dataset),
        model_sha256=hashlib.sha256(model).hexdigest(),
        metrics=metrics,
        thresholds=thresholds_of(predictions, folder.classes, params.promote.certain_precision),
    )
    card.save(target)
    figures = metrics | intervals(predictions, folder.classes, params.compare)
    precision = params.promote.certain_precision
    certainty = acceptance_of(predictions, folder.classes, precision)
    write_text(target / PAGE_FILE, card_page(card, folder, len(model), figures, certainty, precision))
    return card
