"""Keras to ONNX."""

import contextlib
import gc
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from tf2onnx import optimizer

from fer.files import replace_file
from fer.inference.runtime import INPUT, OUTPUT


def export_onnx(model: keras.Model, path: Path) -> None:
    """Write a float32 classifier as ONNX: ``faces`` uint8 ``[N, S, S]`` to ``probabilities`` float32 ``[N, C]``.

    The bytes depend on the network and its weights alone where Python's hash seed is fixed (PYTHONHASHSEED=0).
    """
    # Called with training=False: the exporter's own call leaves the phase open and traces dropout with it.
    side = model.input_shape[1]
    faces = keras.Input((side, side), dtype="uint8", name=INPUT)
    frozen = keras.Model(faces, model(faces, training=False))
    signature = [keras.InputSpec(shape=(None, side, side), dtype="uint8", name=INPUT)]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with replace_file(path) as fresh:
        with _without_copies(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            frozen.export(fresh, format="onnx", verbose=False, input_signature=signature)
        exported = onnx.load(fresh)
        _fix_reshapes(exported)
        exported.graph.CopyFrom(_canonical(exported.graph))
        onnx.checker.check_model(exported)
        onnx.save(exported, fresh)


@contextlib.contextmanager
def _without_copies() -> Iterator[None]:
    """Have tf2onnx optimise without copying all weights twice in every pass.

    Before a pass it copies the graph, to go on silently where the pass fails, which must be seen here. After it, it
    writes the protobuf anew, which nothing reads until the model is made.
    """
    optimize = optimizer.optimize_graph

    def optimize_in_place(graph: Any, catch_errors: bool, optimizers: Any = None) -> Any:
        graph.update_proto = lambda: None
        try:
            return optimize(graph, False, optimizers)
        finally:
            del graph.update_proto

    optimizer.optimize_graph = optimize_in_place
    try:
        yield
    finally:
        optimizer.optimize_graph = optimize
        gc.collect()  # the graphs are rings of references, and hold several copies of the weights


def _fix_reshapes(model: onnx.ModelProto) -> None:
    """Give every reshape constant sizes, and have the users of one that changes nothing read its input.

    ``_canonical`` leaves the latter out. tf2onnx's optimiser goes by memory addresses, so that some exports have such
    reshapes, or sizes computed at every call, and others have not. Where a size is not known, a reshape stays as it is.
    """
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    values = (*inferred.input, *inferred.value_info, *inferred.output)
    sizes = {value.name: [size.dim_value for size in value.type.tensor_type.shape.dim[1:]] for value in values}
    same: dict[str, str] = {}
    for node in model.graph.node:  # each comes after those that it needs
        node.input[:] = [same.get(name, name) for name in node.input]
        after = sizes.get(node.output[0])
        if node.op_type != "Reshape" or not after or not all(after):
            continue
        # Where all other sizes are the same, so is the batch.
        if sizes.get(node.input[0]) == after and node.output[0] != model.graph.output[0].name:
            same[node.output[0]] = node.input[0]
        else:
            node.input[1] = f"sizes of {node.output[0]}"
            constant = onnx.numpy_helper.from_array(np.array([-1, *after], np.int64), node.input[1])
            model.graph.initializer.append(constant)


def _canonical(graph: onnx.GraphProto) -> onnx.GraphProto:
    """The graph with its nodes in the order of a walk back from the output, everything named by its place in it.

    tf2onnx orders and numbers by memory addresses, which no two processes share; its optimiser goes by sets of names,
    hence the hash seed. Input, output and batch dimension get the names that clients see.
    """
    nodes, constants = _in_order(graph), {constant.name: constant for constant in graph.initializer}
    faces, probabilities = graph.input[0], graph.output[0]
    names = {"": "", faces.name: INPUT, probabilities.name: OUTPUT}
    for place, node in enumerate(nodes):
        node.name = f"{node.op_type}_{place}"
        for sign, slots in ((".", node.input), (":", node.output)):
            for slot, name in enumerate(slots):
                slots[slot] = names.setdefault(name, f"{node.name}{sign}{slot}")
    used = [constants[name] for name in names if name in constants]
    for port in (*used, faces, probabilities):
        port.name = names[port.name]
    for port in (faces, probabilities):
        port.type.tensor_type.shape.dim[0].dim_param = "N"
    return onnx.helper.make_graph(nodes, "fer", [faces], [probabilities], initializer=used)


def _in_order(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the output needs, each after those that it needs itself: depth first, inputs in turn."""
    makers = {name: node for node in graph.node for name in node.output}
    done: dict[str, onnx.NodeProto] = {}
    path = [makers[graph.output[0].name]]
    while path:
        node = path[-1]
        needed = next((makers[i] for i in node.input if i in makers and makers[i].output[0] not in done), None)
        if needed is None:
            done[node.output[0]] = path.pop()
        else:
            path.append(needed)
    return list(done.values())
