from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from fer.models.common.network import build_classifier
from fer.models.common.registry import get_architecture
from fer.training.export import _canonical, export_onnx


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(build_classifier(get_architecture("mobilenetv2"), 7, 32, "tf"), path)
    return path


def disguised(graph: onnx.GraphProto, seed: int) -> onnx.GraphProto:
    """The same computation as an exporter with other addresses may give it: other names, another order."""
    rng = np.random.default_rng(seed)
    names = {name: name for name in ("", graph.input[0].name, graph.output[0].name)}

    def other(name: str) -> str:
        return names.setdefault(name, f"const_fold_opt__{rng.integers(2**62)}")

    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in graph.node]
    constants = [onnx.TensorProto.FromString(constant.SerializeToString()) for constant in graph.initializer]
    for node in nodes:
        node.name = f"node__{rng.integers(2**62)}"
        node.input[:] = [other(name) for name in node.input]
        node.output[:] = [other(name) for name in node.output]
    for constant in constants:
        constant.name = other(constant.name)
    constants.append(onnx.numpy_helper.from_array(np.zeros(3), "of a node that was optimised away"))
    return onnx.helper.make_graph(
        [nodes[place] for place in rng.permutation(len(nodes))],
        f"from {seed}",
        graph.input,
        graph.output,
        [constants[place] for place in rng.permutation(len(constants))],
        doc_string=f"converted from /tmp/{seed}",
    )


@pytest.mark.parametrize("seed", range(5))
def test_neither_names_nor_order_of_the_exporter_reach_the_bytes(exported: Path, seed: int) -> None:
    graph = onnx.load(exported).graph
    assert _canonical(disguised(graph, seed)).SerializeToString(deterministic=True) == graph.SerializeToString(
        deterministic=True
    )


def test_other_weights_give_other_bytes(exported: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    export_onnx(build_classifier(get_architecture("mobilenetv2"), 7, 32, "tf"), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() != exported.read_bytes()
