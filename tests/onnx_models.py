"""Tiny model folders, as the train stage leaves them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer.emotions import EMOTIONS

PIXELS = 48 * 48


def write_model(folder: Path, classes: tuple[str, ...] = EMOTIONS, seed: int = 0) -> Path:
    """Write ``model.onnx`` (a linear softmax with random weights over the scaled pixels) and ``card.json``."""
    weights = np.random.default_rng(seed).normal(0, 0.1, (PIXELS, len(classes))).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["faces"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["N", 48, 48])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(classes)])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.float32(1 / 255), "scale"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    write_card(folder, classes=list(classes))
    return folder


def write_card(folder: Path, **changes: object) -> None:
    """Write the card of the folder's model, some keys changed."""
    card = {
        "architecture": "tiny",
        "classes": list(EMOTIONS),
        "dataset": "drawn",
        "fingerprint": "0123456789abcdef",
        "model_sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "metrics": {"test.accuracy": 0.5},
    }
    (folder / "card.json").write_text(json.dumps(card | changes))
