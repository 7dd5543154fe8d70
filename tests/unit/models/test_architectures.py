import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from fer.emotions import EMOTIONS
from fer.errors import UserError
from fer.models import list_architectures
from fer.models.common import registry
from fer.models.common.network import NETWORK, build_classifier
from fer.models.common.preprocessing import PREPROCESSINGS, preprocess
from fer.models.common.registry import BACKBONE, get_architecture
from fer.models.common.transfer import with_head
from fer.params import load_params

NAMES = list_architectures()
ROOT = Path(__file__).parents[3]
FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)


def test_names_are_the_files_and_listing_them_imports_no_keras() -> None:
    assert {"baseline", "mini", "vggface"} <= set(NAMES)
    assert not {"common", "__init__", "registry", "network"} & set(NAMES)
    code = (
        "import sys; from fer.params import load_params; load_params(); assert not {'keras', 'h5py'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_module_that_registers_another_name_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "list_architectures", lambda: ["common"])
    with pytest.raises(UserError, match=r"^fer/models/common.py: registers no 'common'; decorate its build with @reg"):
        get_architecture("common")


def test_the_baseline_has_the_decks_parameters() -> None:
    network = get_architecture("baseline").build(5, 48)
    assert network.input_shape == (None, 48, 48, 3)
    assert network.count_params() == 4_239_621
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == 4_236_805


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_turns_grey_faces_into_probabilities(name: str) -> None:
    architecture = get_architecture(name)
    model = build_classifier(architecture, len(EMOTIONS), 48, architecture.preprocessing)
    assert model.name == name
    assert (model.inputs[0].dtype, model.input_shape) == ("uint8", (None, 48, 48))
    probabilities = np.asarray(model(FACES, training=False))
    assert (probabilities.shape, probabilities.dtype) == ((3, 7), np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (probabilities >= 0).all()
    network = model.get_layer(NETWORK)
    assert any(layer.name == BACKBONE for layer in network.layers) == bool(architecture.pretrained)


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_and_its_files_name_known_preprocessings(name: str) -> None:
    architecture = get_architecture(name)
    assert {architecture.preprocessing} | {file.preprocessing for file in architecture.pretrained} <= set(
        PREPROCESSINGS
    )
    assert all(file.digest for file in architecture.pretrained if file.url), "a download needs a digest"


def test_vgg16s_random_weights_keep_the_signal() -> None:
    network = get_architecture("vgg16").build(7, 32)
    images = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype(np.float32)
    features = np.asarray(network.get_layer(BACKBONE)(images))
    # Keras' own initial weights leave 0.01 of it.
    assert 0.2 < np.sqrt(np.mean(features**2)) < 5
    for layer in network.get_layer(BACKBONE).layers:
        if isinstance(layer, keras.layers.Conv2D):
            inputs = np.prod(layer.kernel.shape[:3])
            assert np.std(layer.get_weights()[0]) == pytest.approx(np.sqrt(2 / inputs), rel=0.05)


def test_no_network_is_trained_twice_from_random_weights() -> None:
    params = load_params(ROOT / "params.yaml")
    random = [name for name in params.train.architectures if params.recipe(name).pretrained == "none"]
    assert len({get_architecture(name).build for name in random}) == len(random)


def test_bfloat16_stays_inside_the_network() -> None:
    model = build_classifier(get_architecture("baseline"), 5, 48, "unit", precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    policies = {layer.dtype_policy.name for layer in model.get_layer(NETWORK).layers if layer.weights}
    assert policies == {"mixed_bfloat16", "float32"}
    probabilities = np.asarray(model(FACES, training=False))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "words"),
    [("resnet5O", "unknown architecture 'resnet5O'; did you mean resnet50?"), ("xyz", "known: baseline, ")],
)
def test_an_unknown_name_is_one_line(name: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        get_architecture(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_input_too_small_for_the_network_is_one_line() -> None:
    with pytest.raises(
        UserError, match=r"^baseline: input_size 32 does not fit \(.*\); change it in params.yaml"
    ) as caught:
        build_classifier(get_architecture("baseline"), 7, 32, "unit")
    assert "\n" not in str(caught.value)
    assert keras.config.dtype_policy().name == "float32"


def pixels(preprocessing: str, size: int = 48) -> np.ndarray:
    faces = keras.Input((48, 48), dtype="uint8")
    return np.asarray(keras.Model(faces, preprocess(faces, size, preprocessing))(FACES))


@pytest.mark.parametrize(
    ("preprocessing", "published"),
    [
        ("unit", lambda rgb: rgb / 255),
        ("tf", keras.applications.mobilenet_v2.preprocess_input),
        ("caffe", keras.applications.resnet50.preprocess_input),
        (
            "torch",
            lambda rgb: (rgb / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225]),
        ),
        ("vggface", lambda rgb: rgb[..., ::-1] - np.array([93.5940, 104.7624, 129.1863])),
    ],
)
def test_preprocessing_is_what_the_weights_were_trained_with(
    preprocessing: str, published: Callable[[np.ndarray], np.ndarray]
) -> None:
    rgb = np.repeat(FACES[..., None], 3, axis=3).astype(np.float32)
    np.testing.assert_allclose(pixels(preprocessing), published(rgb.copy()), atol=2e-5)


def test_a_larger_network_sees_the_resized_face() -> None:
    resized = pixels("unit", 96)
    assert resized.shape == (3, 96, 96, 3)
    np.testing.assert_allclose(resized[:, ::2, ::2, 0].mean(), FACES.mean() / 255, atol=0.01)
    assert np.ptp(resized, axis=3).max() == 0


def test_the_head_keeps_the_backbone_and_speeds_up_its_statistics() -> None:
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.BatchNormalization(momentum=0.99)(keras.layers.Conv2D(2, 3)(inputs))
    model = with_head(keras.Model(inputs, x), 4)
    backbone = model.get_layer(BACKBONE)
    assert {layer.momentum for layer in backbone.layers if hasattr(layer, "momentum")} == {0.9}
    assert model.output_shape == (None, 4)
    assert len(model.weights) == len(backbone.weights) + 2


def test_a_new_head_begins_without_an_opinion() -> None:
    inputs = keras.Input((32, 32, 3))
    model = with_head(keras.Model(inputs, keras.layers.Rescaling(100)(inputs)), 4)
    np.testing.assert_array_equal(model.predict(np.ones((2, 32, 32, 3)), verbose=0), 0)


@pytest.mark.parametrize(
    ("name", "branches", "first", "shortcut"),
    [
        ("resnet50", 16, "conv2_block1_3_bn", "conv2_block1_0_bn"),
        ("mobilenetv2", 10, "block_2_project_BN", "block_1_project_BN"),
    ],
)
def test_residual_branches_begin_small_and_shortcuts_whole(name: str, branches: int, first: str, shortcut: str) -> None:
    backbone = get_architecture(name).build(4, 32).get_layer(BACKBONE)
    norms = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    gammas = {layer.name: keras.ops.convert_to_numpy(layer.gamma) for layer in norms}
    small = {layer for layer, gamma in gammas.items() if np.allclose(gamma, branches**-0.5)}
    assert first in small
    assert shortcut in gammas.keys() - small
    assert len(small) == branches
    assert all((gammas[layer] == 1).all() for layer in gammas.keys() - small)
