"""A trained network's view of a face: what its last hidden layer holds."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from fer.audit.progress import Steps, silent
from fer.errors import UserError
from fer.inference.classifier import BATCH, MODEL_FILE, RELEASED


def embeddings(images: np.ndarray, folder: Path = RELEASED, steps: Steps = silent) -> np.ndarray:
    """What the last layer of a trained network takes in.

    A network pulls the images that it was trained on towards their labels, wrong ones too. Of those its embedding says
    less about a label than of images that it has not seen.

    Args:
        images: uint8 ``[N, 48, 48]``.
        folder: holds ``model.onnx``; by default the network in the package.
        steps: told how many images of how many are done.

    Returns:
        float32 ``[N, D]``.

    Raises:
        UserError: where the folder holds no network of this project.
    """
    session, name = _open(folder / MODEL_FILE)
    taken = session.get_inputs()[0].name
    parts = []
    for start in range(0, len(images), BATCH):
        part = np.ascontiguousarray(images[start : start + BATCH])
        parts.append(session.run([name], {taken: part})[0].reshape(len(part), -1))
        if start % (16 * BATCH) == 0 or start + BATCH >= len(images):
            steps(min(start + BATCH, len(images)), len(images))
    return np.concatenate(parts)


def _open(path: Path) -> tuple[onnxruntime.InferenceSession, str]:
    """The network with the last layer's input as an output, and that output's name."""
    try:
        model = onnx.load(path)
        name = next(node.input[0] for node in reversed(model.graph.node) if node.op_type in ("MatMul", "Gemm"))
    except (OSError, StopIteration, onnx.onnx_cpp2py_export.checker.ValidationError, ValueError) as error:
        raise UserError(f"{path}: no network with a last layer is there; name the folder of a trained model") from error
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]), name
