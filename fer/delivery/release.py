"""The models that the package carries: small networks in int8, measured as they are released."""

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer.data.dataset import FaceDataset
from fer.delivery.promotion import card_of
from fer.delivery.quantization import Quantized, quantize_model, quantized_card
from fer.errors import UserError
from fer.evaluation.abstention import acceptance_of
from fer.evaluation.comparison import intervals
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE
from fer.files import replace_folder, write_text
from fer.inference.classifier import CARD_FILE, MODEL_FILE, PACKAGE, Card
from fer.params import Params
from fer.report.card import card_page
from fer.report.released import LARGEST, fits

#: The same networks with weights in float16, for who wants to go on from them. Not in the package.
FLOAT16 = PACKAGE.parents[1] / "float16"
#: What stands beside model and card for people to read.
PAGE_FILE = "README.md"


def choose(folders: Iterable[ModelFolder], name: str) -> ModelFolder | None:
    """The network with the best validation macro-F1 among those that are ours to give away and of a name's size.

    Args:
        folders: all trained on the same data.
        name: of a model in the package.

    Returns:
        Its training, or None where there is none.
    """
    return max(
        (folder for folder in folders if fits(folder, name)), key=lambda folder: folder.metrics[SCORE], default=None
    )


def to_float16(source: Path, target: Path) -> None:
    """Write an ONNX model with its float32 kernels stored as float16 and cast back at the start.

    ONNX Runtime casts once, when it opens the model, and computes in float32 as before. A model that is stored so
    already stays as it is.
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


def released_card(target: Path, dataset: FaceDataset) -> Card | None:
    """The card of what a folder of the package holds; None where it holds nothing.

    Raises:
        UserError: where that is a model of another data set.
    """
    if not (target / CARD_FILE).is_file():
        return None
    card = Card.load(target)
    if card.dataset != dataset.name:
        raise UserError(f"{target}: holds a model of {card.dataset}; remove it to release one of {dataset.name}")
    return card


def write_release(
    folder: ModelFolder,
    network: Path,
    dataset: FaceDataset,
    params: Params,
    target: Path,
    whole: Path,
    published: ModelFolder | None = None,
) -> Card:
    """Release a network: in int8 into ``target``, with card and page of that file, and in float16 into ``whole``.

    Args:
        folder: the training's facts and predictions.
        network: its ONNX file, or the float16 one that was made of it.
        dataset: what it was trained on.
        params: for thresholds and intervals.
        target: the folder in the package; its name is the model's.
        whole: the folder outside of it.
        published: the same training with the copies of evaluation images left in train, where there was one.

    Raises:
        UserError: where the int8 model is too large, or less accurate than the network by more than 0.2 points on
            validation, or ``target`` holds a model of another data set.
    """
    released_card(target, dataset)
    with ExitStack() as stack:
        fresh, half = (stack.enter_context(replace_folder(path)) for path in (target, whole))
        trained = card_of(folder, params.promote, dataset)
        to_float16(network, half / MODEL_FILE)
        float16 = replace(
            trained,
            model_sha256=_digest(half / MODEL_FILE),
            trained_sha256=folder.run.model_sha256,
            arithmetic="float16",
        )
        float16.save(half)
        # Of the float16 file, which is kept: the same int8 file can be made again.
        made = quantize_model(folder, half / MODEL_FILE, dataset, fresh / MODEL_FILE)
        size, limit = (fresh / MODEL_FILE).stat().st_size, LARGEST[target.name]
        if not made.passed or size > limit:
            raise UserError(
                f"{folder.path}: in int8 it has {size / 1e6:.1f} MB and is {100 * made.lost:.2f} points less accurate; "
                f"{limit / 1e6:.0f} MB and {100 * made.bound:.1f} points are the limits"
            )
        card = quantized_card(trained, made, fresh, params.promote)
        card.save(fresh)
        write_text(fresh / PAGE_FILE, _page(card, folder, dataset, made, size, params, published))
    return card


def _page(
    card: Card,
    folder: ModelFolder,
    dataset: FaceDataset,
    made: Quantized,
    size: int,
    params: Params,
    published: ModelFolder | None,
) -> str:
    precision = params.promote.certain_precision
    return card_page(
        card,
        folder,
        dataset,
        size,
        card.metrics | intervals(made.predictions, folder.classes, params.compare),
        acceptance_of(made.predictions, folder.classes, precision),
        precision,
        made.rounding,
        published,
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
