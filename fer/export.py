"""Keras to ONNX."""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import keras
import onnx

from fer.data.dataset import IMAGE_SIZE
from fer.files import replace_file
from fer.runtime import INPUT, OUTPUT


def export_onnx(model: keras.Model, path: Path) -> None:
    """Write a float32 classifier as ONNX: ``faces`` uint8 ``[N, 48, 48]`` to ``probabilities`` float32 ``[N, C]``.

    The bytes depend on the weights alone when the interpreter's hash seed is fixed (PYTHONHASHSEED=0).
    """
    # Called with training=False: the exporter's own call leaves the phase open and traces dropout with it.
    faces = keras.Input((IMAGE_SIZE, IMAGE_SIZE), dtype="uint8", name=INPUT)
    frozen = keras.Model(faces, model(faces, training=False))
    signature = [keras.InputSpec(shape=(None, IMAGE_SIZE, IMAGE_SIZE), dtype="uint8", name=INPUT)]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with replace_file(path) as fresh:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            frozen.export(fresh, format="onnx", verbose=False, input_signature=signature)
        graph = onnx.load(fresh)
        _name_ports(graph.graph)
        onnx.checker.check_model(graph)
        onnx.save(graph, fresh)


def _name_ports(graph: onnx.GraphProto) -> None:
    """Give input, output and batch dimension the names that clients see, whatever the backend's exporter chose."""
    for ports, name in ((graph.input, INPUT), (graph.output, OUTPUT)):
        former = ports[0].name
        ports[0].name = name
        ports[0].type.tensor_type.shape.dim[0].dim_param = "N"
        for node in graph.node:
            node.input[:] = [name if port == former else port for port in node.input]
            node.output[:] = [name if port == former else port for port in node.output]
