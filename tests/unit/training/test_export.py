import gc
from pathlib import Path

import keras
import numpy as np
import onnx
import onnx.reference
import pytest
import tf2onnx
from memory_use import peak_growth

from fer.models.common.network import build_classifier
from fer.models.common.registry import get_architecture
from fer.training.export import _canonical, _fix_reshapes, export_onnx


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


def test_other_weights_give_other_bytes(tmp_path: Path) -> None:
    model = build_classifier(get_architecture("baseline"), 7, 48, "unit")
    export_onnx(model, tmp_path / "one")
    model.set_weights([weight + np.float32(0.01) for weight in model.get_weights()])
    export_onnx(model, tmp_path / "other")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def fixed(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> bytes:
    """The graph's bytes with these nodes in place of its own, mended, which are others than before."""
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    before = _canonical(model.graph).SerializeToString(deterministic=True)
    _fix_reshapes(model)
    onnx.checker.check_model(model)
    after = _canonical(model.graph).SerializeToString(deterministic=True)
    assert after != before
    return after


def test_a_reshape_by_computed_sizes_gives_the_same_bytes(exported: Path) -> None:
    """The defect: one export of hundreds had other bytes than all others, with the same weights."""
    model = onnx.load(exported)
    wanted = model.graph.SerializeToString(deterministic=True)
    shapes = {constant.name: onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer}
    nodes = list(model.graph.node)
    reshape = next(node for node in nodes if node.op_type == "Reshape")
    constants = {"from": [0], "to": [1], "rest": shapes[reshape.input[1]][1:]}
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.array(values, np.int64), name) for name, values in constants.items()
    )
    computed = [
        onnx.helper.make_node("Shape", [reshape.input[0]], ["all"]),
        onnx.helper.make_node("Slice", ["all", "from", "to"], ["batch"]),
        onnx.helper.make_node("Concat", ["batch", "rest"], ["sizes"], axis=0),
    ]
    reshape.input[1] = "sizes"
    place = nodes.index(reshape)
    assert fixed(model, [*nodes[:place], *computed, *nodes[place:]]) == wanted


@pytest.mark.parametrize("operator", ["Conv", "Clip", "Add"])
def test_a_reshape_that_changes_nothing_is_left_out(exported: Path, operator: str) -> None:
    """The defect: ResNet-50 had seven of them or eight, by what else the process had in memory."""
    model = onnx.load(exported)
    wanted = model.graph.SerializeToString(deterministic=True)
    values = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.value_info
    shapes = {value.name: [size.dim_value or -1 for size in value.type.tensor_type.shape.dim] for value in values}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type == operator:
            sizes, made = f"sizes {node.name}", node.output[0]
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(shapes[made], np.int64), sizes))
            node.output[0] = f"inner {made}"
            nodes.append(onnx.helper.make_node("Reshape", [node.output[0], sizes], [made]))
    assert len(nodes) > len(model.graph.node)
    assert fixed(model, nodes) == wanted


def reshaping(shape: list[int | str], *wanted: list[int], last: str = "Relu") -> onnx.ModelProto:
    """A network of reshapes in a row, with ``last`` after them where it is named."""
    value = onnx.helper.make_tensor_value_info
    names = ["faces", *(f"value {place}" for place in range(len(wanted)))]
    sizes = [onnx.numpy_helper.from_array(np.array(size, np.int64), f"size {n}") for n, size in enumerate(wanted)]
    nodes = [onnx.helper.make_node("Reshape", [names[n], f"size {n}"], [names[n + 1]]) for n in range(len(wanted))]
    nodes += [onnx.helper.make_node(last, [names[-1]], ["out"])] if last else []
    output = value(nodes[-1].output[0], onnx.TensorProto.FLOAT, ["N", *[None] * (len(wanted[-1]) - 1)])
    graph = onnx.helper.make_graph(nodes, "g", [value("faces", onnx.TensorProto.FLOAT, shape)], [output], sizes)
    return onnx.helper.make_model(graph)


def run(model: onnx.ModelProto, faces: np.ndarray) -> np.ndarray:
    return onnx.reference.ReferenceEvaluator(model).run(None, {"faces": faces})[0]


@pytest.mark.parametrize(
    ("shape", "sizes", "last", "left"),
    [
        (["N", 4, 6], [[-1, 6, 4]], "Relu", 1),
        (["N", 4, 4], [[-1, 16]], "Relu", 1),
        (["N", 4, 6], [[-1, 4, 6], [-1, 4, 6]], "Relu", 0),
        (["N", 4, 6], [[-1, 6, 4], [-1, 6, 4], [-1, 4, 6]], "Relu", 2),
        (["N", 4, 6], [[-1, 4, 6]], "", 1),  # the graph's own output
        (["N", 4, "W"], [[0, -1, 4]], "Relu", 1),  # a size that is not known
    ],
)
def test_only_a_reshape_that_changes_nothing_is_left_out(
    shape: list[int | str], sizes: list[list[int]], last: str, left: int
) -> None:
    model = reshaping(shape, *sizes, last=last)
    faces = np.random.default_rng(1).random((2, 4, 4 if shape[2] == 4 else 6), np.float32)
    before = run(model, faces)
    _fix_reshapes(model)
    model.graph.CopyFrom(_canonical(model.graph))
    assert [node.op_type for node in model.graph.node].count("Reshape") == left
    np.testing.assert_array_equal(run(model, faces), before)


def test_the_exporters_graphs_are_given_back(tmp_path: Path) -> None:
    before = exporters_graphs()
    export_onnx(build_classifier(get_architecture("baseline"), 7, 48, "unit"), tmp_path / "model.onnx")
    assert exporters_graphs() <= before


def exporters_graphs() -> int:
    return sum(type(found) is tf2onnx.graph.Graph for found in gc.get_objects())


def test_the_exporters_passes_do_not_copy_all_weights_again_and_again(tmp_path: Path) -> None:
    """The defect: 4.5 of ResNet-50's 6.7 GB came after its last epoch, most of them its 94 MB of weights many times."""
    before = """
from pathlib import Path
import keras
from fer.training.export import export_onnx

def network(width):
    x = faces = keras.Input((8, 8))
    x = keras.layers.Flatten()(x)
    for units in (width, width, 7):
        x = keras.layers.Dense(units)(x)
    return keras.Model(faces, x)

export_onnx(network(8), Path(sys.argv[1]) / "small.onnx")
model = network(4096)  # 69 MB of weights
"""
    megabytes = peak_growth(before, 'export_onnx(model, Path(sys.argv[1]) / "model.onnx")', tmp_path)
    assert megabytes < 1700  # 2,410 where every pass writes the protobufs, 1,236 where none does
