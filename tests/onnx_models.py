"""Tiny model folders, as the train stage leaves them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from fer.emotions import EMOTIONS


def write_model(folder: Path, classes: tuple[str, ...] = EMOTIONS, seed: int = 0, size: int = 48) -> Path:
    """Write ``model.onnx`` (a linear softmax with random weights over the scaled pixels) and ``card.json``."""
    weights = np.random.default_rng(seed).normal(0, 0.1, (size * size, len(classes))).astype(np.float32)
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
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["N", size, size])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(classes)])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.float32(1 / 255), "scale"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    write_card(folder, classes=list(classes), face_size=size)
    return folder


def write_convolutions(path: Path, faces: np.ndarray, seed: int = 0) -> Path:
    """Write a small network like ours: scaled grey, two convolutions, pooled, a dense layer; weights are random.

    The dense layer's are scaled to the features of ``faces`` uint8 ``[N, 48, 48]``, which get different answers.
    """
    rng = np.random.default_rng(seed)

    def kernel(*shape: int) -> np.ndarray:
        return rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)

    weights = {
        "scale": np.float32([1 / 64]),
        "middle": np.float32([128]),
        "shape": np.array([-1, 1, 48, 48]),
        "first": kernel(16, 1, 3, 3),
        "second": kernel(32, 16, 3, 3),
        "dense": kernel(7, 32).T,
        "bias": np.zeros(7, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["faces"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["pixels", "shape"], ["channel"]),
        helper.make_node("Sub", ["channel", "middle"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "first"], ["a"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["c", "second"], ["d"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("GlobalAveragePool", ["e"], ["f"]),
        helper.make_node("Flatten", ["f"], ["g"]),
        helper.make_node("MatMul", ["g", "dense"], ["h"]),
        helper.make_node("Add", ["h", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    for place, node in enumerate(nodes):
        node.name = f"{node.op_type}_{place}"

    def model(output: str, shape: list[int | str]) -> onnx.ModelProto:
        graph = helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["N", 48, 48])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    session = onnxruntime.InferenceSession(model("g", ["N", 32]).SerializeToString())
    features = session.run(None, {"faces": faces})[0]
    # Features that hardly differ are not blown up, and their rounding with them.
    weights["dense"] /= np.maximum(features.std(axis=0), 0.1 * features.mean() + 0.01)[:, np.newaxis]
    weights["bias"] = -features.mean(axis=0) @ weights["dense"]
    onnx.save(model("probabilities", ["N", 7]), path)
    return path


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
