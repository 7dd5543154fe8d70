"""A trained model in 8-bit integers: static quantisation (Jacob et al. 2018) by ONNX Runtime's own tools.

Weights are quantised per output channel, activations per tensor to the range that training faces give them. What comes
before the first convolution stays in float32, and so do the last product and what follows it.
"""

import contextlib
import hashlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pandas as pd
from onnx import helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from fer.data.dataset import FaceDataset
from fer.delivery.candidate import Outcome
from fer.delivery.gaps import gaps_of
from fer.errors import UserError
from fer.evaluation.abstention import thresholds_of
from fer.evaluation.calibration import best_temperature
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split, probability_columns, split_metrics, with_predictions
from fer.inference.classifier import MODEL_FILE, Card
from fer.inference.runtime import INPUT, onnx_predict, predict_views
from fer.sections import Promote

#: Training faces that give activations their range, and how many of them at once: a batch's activations are in memory.
FACES, BATCH = 1000, 20
#: Share of a tensor's values, in percent, that its range covers: the few beyond it are clipped.
PERCENTILE = 99.999
#: Share of validation accuracy that int8 may cost.
COST = 0.002
#: Nodes with weights.
PRODUCTS = ("Conv", "MatMul", "Gemm")


@dataclass(frozen=True)
class Quantized:
    """What a quantised model answers, beside the model that it was made of.

    Attributes:
        predictions: its table (``fer.evaluation.predictions``).
        metrics: ``<split>.<metric>`` of these predictions, and the gaps between groups.
        lost: validation accuracy of the whole model less its own, as a share; below 0 where it is better.
        bound: the most that ``lost`` may be.
        largest: largest difference of a probability from the whole model's on validation, 0 to 1.
        mean: mean total variation distance from the whole model's probabilities there, 0 to 1.
        temperature: what its logits are divided by beyond the whole model's temperature, fitted on validation.
    """

    predictions: pd.DataFrame
    metrics: dict[str, float]
    lost: float
    bound: float
    largest: float
    mean: float
    temperature: float

    @property
    def passed(self) -> bool:
        """Whether it is as good as the whole model, within the bound."""
        return self.lost <= self.bound

    @property
    def rounding(self) -> dict[str, float]:
        """What 8 bits do to the model."""
        return {name: getattr(self, name) for name in ("lost", "largest", "mean", "temperature")}


def quantize_model(folder: ModelFolder, network: Path, dataset: FaceDataset, target: Path) -> Quantized:
    """Write a trained model in int8 to ``target`` and measure that file on validation and test.

    Its temperature is fitted again on validation and put into the graph: rounding may move confidence.

    Args:
        folder: the training's facts and predictions.
        network: its ONNX file, in float32 or with weights in float16.
        dataset: what it was trained on.
        target: the ONNX file to write; faces uint8 ``[N, 48, 48]`` in, probabilities float32 ``[N, C]`` out.

    Raises:
        UserError: where the network has nothing to quantise.
    """
    quantize(network, target, calibration_faces(dataset))
    before, classes = folder.predictions, folder.classes
    faces = np.asarray(dataset.images[before["row"].to_numpy()])
    held_out = (before["split"] == Split.VALIDATION.part).to_numpy()
    labels = pd.Categorical(before["emotion"], categories=list(classes)).codes
    temperature = best_temperature(labels[held_out], onnx_predict(target, faces[held_out]))
    divide_logits(target, temperature)
    views = predict_views(target, faces)
    predictions = with_predictions(before, classes, views[0], views.mean(axis=0))
    metrics = split_metrics(predictions, classes) | gaps_of(predictions, dataset)
    columns = probability_columns(classes, 1)
    apart = np.abs(predictions[columns].to_numpy() - before[columns].to_numpy())[held_out]
    accuracy = f"{Split.VALIDATION}.accuracy"
    return Quantized(
        predictions,
        metrics,
        lost=folder.metrics[accuracy] - metrics[accuracy],
        bound=max(COST, 1 / int(held_out.sum())),  # of few images one is more than that
        largest=float(apart.max()),
        mean=float(apart.sum(axis=1).mean() / 2),
        temperature=temperature,
    )


def quantized_card(trained: Card, made: Quantized, folder: Path, settings: Promote) -> Card:
    """The card of the int8 model in ``folder``: what the trained network's says, with this file's own figures.

    Args:
        trained: of the network that it was made of.
        made: what was measured of it.
        folder: holds its file.
        settings: for the thresholds.
    """
    return replace(
        trained,
        model_sha256=hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest(),
        metrics={"params": trained.metrics["params"]} | made.metrics,
        thresholds=thresholds_of(made.predictions, trained.classes, settings.certain_precision),
        arithmetic="int8",
        trained_sha256=trained.network_sha256,
    )


def int8_accuracy(made: Quantized) -> Outcome:
    """The gate that a model in int8 must pass: it is as accurate on validation as the network that it was made of."""
    ece = made.metrics[f"{Split.VALIDATION}.ece"]
    note = f"probabilities move by {made.mean:.3f} on average, calibration error {ece:.3f}"
    return Outcome("validation accuracy lost in int8", made.lost, made.bound, made.passed, most=True, note=note)


def calibration_faces(dataset: FaceDataset, seed: int = 0) -> np.ndarray:
    """Faces of the train split, uint8 ``[N, 48, 48]``, in their order: 1,000 chosen by ``seed``, or all of fewer."""
    rows = dataset.rows("train")
    chosen = np.sort(np.random.default_rng(seed).choice(rows, min(FACES, len(rows)), replace=False))
    return np.asarray(dataset.images[chosen])


def quantize(source: Path, target: Path, faces: np.ndarray) -> None:
    """Write an ONNX classifier in int8; the same bytes for the same model, faces and versions.

    Weights have 7 bits. Processors without VNNI add two products of an unsigned and a signed byte in 16 bits, and
    saturate there (Intel's VPMADDUBSW): 2 x 255 x 64 just fits, so that all processors give the same integers.

    Args:
        source: faces uint8 ``[N, 48, 48]`` in, probabilities out, weights in float32 or cast to it.
        target: the file to write.
        faces: uint8 ``[N, 48, 48]``, that give activations their range; of the train split.

    Raises:
        UserError: where the model has neither convolution nor matrix product.
    """
    with TemporaryDirectory() as scratch, _quiet():
        prepared = Path(scratch) / "prepared.onnx"
        # Folds what has no input, such as normalisation into the convolution before it, and names every shape.
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        chosen = _quantised_nodes(prepared, source)
        quantization.quantize_static(
            prepared,
            target,
            _Calibration(faces),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_quantize=chosen,
            calibrate_method=quantization.CalibrationMethod.Percentile,
            extra_options={
                "CalibPercentile": PERCENTILE,
                "CalibTensorRangeSymmetric": False,
                "CalibStridedMinMax": min(BATCH, len(faces)),
            },
        )


def divide_logits(path: Path, temperature: float) -> None:
    """Divide the logits before a model's softmax by ``temperature`` (Guo et al. 2017), in its file."""
    model = onnx.load(path)
    graph = model.graph
    softmax = next(node for node in graph.node if graph.output[0].name in node.output)
    scale = numpy_helper.from_array(np.float32(1 / temperature), "temperature")
    divided = helper.make_node("Mul", [softmax.input[0], scale.name], ["divided_logits"], "divided_logits")
    softmax.input[0] = divided.output[0]
    graph.initializer.append(scale)
    graph.node.insert(list(graph.node).index(softmax), divided)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _quantised_nodes(prepared: Path, source: Path) -> list[str]:
    """The names of the nodes from the first product to the last, which stays whole where there is another one.

    They stand in the order of execution; those without a name get one. The last product takes no time, and its rounded
    logits move probabilities.
    """
    model = onnx.load(prepared)
    nodes = list(model.graph.node)
    for place, node in enumerate(nodes):
        node.name = node.name or f"{node.op_type}_{place}"
    onnx.save(model, prepared)
    products = [place for place, node in enumerate(nodes) if node.op_type in PRODUCTS]
    if not products:
        raise UserError(f"{source}: has no convolution and no matrix product, nothing to quantise")
    end = products[-1] if len(products) > 1 else products[-1] + 1
    return [node.name for node in nodes[products[0] : end]]


class _Calibration(quantization.CalibrationDataReader):
    """Batches of faces, as ONNX Runtime's calibration asks for them: a range of faces, batch by batch."""

    def __init__(self, faces: np.ndarray) -> None:
        self._faces = faces[: len(faces) // BATCH * BATCH] if len(faces) > BATCH else faces
        self._left: Iterator[np.ndarray] = iter(())

    def __len__(self) -> int:
        return len(self._faces)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._left = iter([self._faces[start_index:end_index]])

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._left, None)
        return None if batch is None else {INPUT: np.ascontiguousarray(batch)}


@contextlib.contextmanager
def _quiet() -> Iterator[Any]:
    """Without what the tools print and warn of: that they were prepared for is not seen by them."""
    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)
