import hashlib
import socket
import urllib.error
import warnings
from dataclasses import replace
from email.message import Message
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from fer.errors import UserError
from fer.models import list_architectures
from fer.models.common import weights
from fer.models.common.registry import BACKBONE, get_architecture
from fer.models.common.weights import PretrainedFile, cache_folder, find_weights, load_backbone

REAL = Path(__file__).parents[4] / "shared" / "weights"
REAL_FILES = {
    "resnet50": "resnet50_imagenet_notop.weights.h5",
    "mobilenetv2": "mobilenetv2_imagenet_notop.weights.h5",
    "vgg16": "vgg16_imagenet_notop_torch.weights.h5",
    "mobilenet_vggface2": "mobilenet_vggface2_notop.weights.h5",
}
CONTENT = b"published weights"
SHA256 = PretrainedFile("a.h5", "imagenet", "tf", hashlib.sha256(CONTENT).hexdigest(), "https://example.org/a.h5")
MD5 = PretrainedFile("b.h5", "imagenet", "tf", hashlib.md5(CONTENT).hexdigest(), "https://example.org/b.h5")
UNVERIFIED = PretrainedFile("c.h5", "faces", "tf")


class Web:
    """Stands for keras.utils.get_file: keeps what was asked for, and writes CONTENT or fails."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: Exception | None = None

    def get_file(self, fname: str, origin: str, file_hash: str, cache_dir: str, cache_subdir: str) -> str:
        self.asked.append(origin)
        if self.failure:
            raise self.failure
        path = Path(cache_dir) / cache_subdir / fname
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
        return str(path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def web(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Web:
    web = Web()
    monkeypatch.setattr(keras.utils, "get_file", web.get_file)
    return web


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def find_error(files: tuple[PretrainedFile, ...], folder: Path | None) -> str:
    with pytest.raises(UserError) as caught:
        find_weights(files, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def load_error(backbone: keras.Model, file: PretrainedFile, path: Path) -> str:
    with pytest.raises(UserError) as caught, warnings.catch_warnings(action="error", category=UserWarning):
        load_backbone(backbone, file, path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: not weights of this architecture (")
    assert message.endswith(f"replace the file by the published {file.name}")
    return message


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_CACHE", "/somewhere/else")
    assert cache_folder() == Path("/somewhere/else")
    monkeypatch.setenv("FER_CACHE", "")
    assert cache_folder() == Path.home() / ".cache" / "fer"


def test_the_folder_comes_first(folder: Path, cache: Path, web: Web) -> None:
    (folder / SHA256.name).write_bytes(b"the user's own")
    (cache / SHA256.name).write_bytes(CONTENT)
    assert find_weights((SHA256,), folder) == (SHA256, folder / SHA256.name)
    assert web.asked == []


def test_any_file_of_the_folder_comes_before_the_cache(folder: Path, cache: Path, web: Web) -> None:
    (folder / UNVERIFIED.name).write_bytes(b"the user's own")
    (cache / SHA256.name).write_bytes(CONTENT)
    assert find_weights((SHA256, UNVERIFIED), folder) == (UNVERIFIED, folder / UNVERIFIED.name)


@pytest.mark.parametrize("file", [SHA256, MD5])
def test_then_the_cache(folder: Path, cache: Path, web: Web, file: PretrainedFile) -> None:
    (cache / file.name).write_bytes(CONTENT)
    assert find_weights((file,), folder) == (file, cache / file.name)
    assert web.asked == []


def test_then_the_download(folder: Path, cache: Path, web: Web) -> None:
    assert find_weights((UNVERIFIED, MD5, SHA256), folder) == (MD5, cache / MD5.name)
    assert web.asked == [MD5.url]
    assert find_weights((UNVERIFIED, MD5, SHA256), None) == (MD5, cache / MD5.name)
    assert web.asked == [MD5.url], "the second time it comes from the cache"


def test_the_next_file_where_one_cannot_be_downloaded(cache: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def get_file(fname: str, **settings: str) -> str:
        if fname == SHA256.name:
            raise Exception("URL fetch failure: 404 -- Not Found")
        return web.get_file(fname, **settings)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert find_weights((SHA256, MD5), None) == (MD5, cache / MD5.name)


@pytest.mark.parametrize("file", [SHA256, MD5])
def test_a_cached_file_with_another_digest_is_fetched_again(cache: Path, web: Web, file: PretrainedFile) -> None:
    (cache / file.name).write_bytes(CONTENT[:-1])
    assert find_weights((file,), None)[1].read_bytes() == CONTENT
    assert web.asked == [file.url]


def test_a_cached_file_without_a_digest_is_not_trusted(cache: Path, web: Web) -> None:
    (cache / UNVERIFIED.name).write_bytes(CONTENT)
    message = find_error((UNVERIFIED,), None)
    assert f"pretrained weights c.h5: not in {cache}; it has no verified download" in message
    assert web.asked == []


def test_none_to_be_had(folder: Path, cache: Path, web: Web) -> None:
    web.failure = Exception("URL fetch failure on https://example.org:\n[Errno -2] Name or service not known")
    message = find_error((SHA256, UNVERIFIED), folder)
    assert f"a.h5 or c.h5: not in {folder} and {cache}; download failed: URL fetch failure" in message
    assert message.endswith("put the file into train.weights_folder, or set pretrained: auto or none")


def fetch_failure(cause: Exception) -> Exception:
    """As Keras tells a failed download: a bare Exception, raised while the cause is handled."""
    failure = Exception(f"URL fetch failure: {cause}")
    failure.__context__ = cause
    return failure


UNREACHABLE = urllib.error.URLError(socket.gaierror(-3, "Temporary failure in name resolution"))
CUT_SHORT = urllib.error.ContentTooShortError("retrieval incomplete: got only 3 bytes", (None, None))


@pytest.mark.parametrize(
    "failure",
    [fetch_failure(UNREACHABLE), fetch_failure(CUT_SHORT), ConnectionResetError(104, "reset"), TimeoutError()],
)
def test_a_connection_that_fails_is_tried_three_times(
    cache: Path, web: Web, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(weights, "PAUSE_SECONDS", 0)
    web.failure = failure
    with pytest.raises(UserError) as caught:
        find_weights((SHA256,), None)
    assert web.asked == [SHA256.url] * 3
    assert caught.value.__cause__ is failure

    def mended(**settings: str) -> str:
        web.failure = failure if len(web.asked) < 5 else None
        return web.get_file(**settings)

    monkeypatch.setattr(keras.utils, "get_file", lambda name, **settings: mended(fname=name, **settings))
    assert find_weights((SHA256,), None) == (SHA256, cache / SHA256.name)
    assert len(web.asked) == 6


@pytest.mark.parametrize(
    "failure",
    [
        fetch_failure(urllib.error.HTTPError("https://example.org", 404, "Not Found", Message(), None)),
        ValueError("Incomplete or corrupted file detected"),
    ],
)
def test_what_a_server_answered_is_not_asked_again(cache: Path, web: Web, failure: Exception) -> None:
    web.failure = failure
    find_error((SHA256,), None)
    assert web.asked == [SHA256.url]


def test_the_real_get_file_refuses_a_download_with_another_digest(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served.h5").write_bytes(b"something else")
    file = replace(SHA256, url=(tmp_path / "served.h5").as_uri())
    assert "download failed" in find_error((file,), None)
    (tmp_path / "served.h5").write_bytes(CONTENT)
    assert find_weights((file,), None)[1] == cache / file.name


def test_a_weights_folder_that_does_not_exist(tmp_path: Path) -> None:
    message = find_error((SHA256,), tmp_path / "nowhere")
    assert f"params.yaml: train.weights_folder: no folder {tmp_path / 'nowhere'}" in message


def network(*filters: int) -> keras.Model:
    inputs = keras.Input((16, 16, 3))
    x = inputs
    for count in filters:
        x = layers.BatchNormalization()(layers.Conv2D(count, 3)(x))
    return keras.Model(inputs, x)


@pytest.mark.parametrize("name", ["tiny.weights.h5", "tiny.h5"])
def test_both_keras_layouts_load(tmp_path: Path, name: str) -> None:
    source, target = network(4, 5), network(4, 5)
    source.save_weights(tmp_path / "tiny.weights.h5")
    if name == "tiny.h5":
        source.save(tmp_path / name)  # Keras' old whole-model layout holds the weights under model_weights
    load_backbone(target, PretrainedFile(name, "faces", "tf"), tmp_path / name)
    for expected, loaded in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, expected)


@pytest.mark.parametrize("other", [(4, 6), (4,), (6, 5)])
@pytest.mark.parametrize("name", ["tiny.weights.h5", "tiny.h5"])
def test_weights_of_another_network(tmp_path: Path, name: str, other: tuple[int, ...]) -> None:
    path = tmp_path / name
    network(*other).save_weights(path) if name.endswith(".weights.h5") else network(*other).save(path)
    load_error(network(4, 5), PretrainedFile(name, "faces", "tf"), path)


def test_mobilenet_weights_under_the_name_of_resnet(tmp_path: Path) -> None:
    architecture = get_architecture("resnet50")
    file = architecture.pretrained[0]
    path = tmp_path / file.name
    keras.applications.MobileNet(include_top=False, weights=None, alpha=0.25, input_shape=(32, 32, 3)).save_weights(
        path
    )
    load_error(architecture.build(7, 48).get_layer(BACKBONE), file, path)


@pytest.mark.parametrize("share", [0, 0.3, 0.95])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    path = tmp_path / "tiny.weights.h5"
    network(4, 5).save_weights(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    load_error(network(4, 5), PretrainedFile(path.name, "faces", "tf"), path)


def test_a_file_that_is_no_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "tiny.weights.h5"
    path.write_text("<html>404 Not Found</html>")
    load_error(network(4, 5), PretrainedFile(path.name, "faces", "tf"), path)


@pytest.fixture(scope="module")
def vgg16() -> keras.Model:
    return get_architecture("vggface").build(7, 48).get_layer(BACKBONE)


@pytest.fixture(scope="module")
def vggface_tensors(vgg16: keras.Model) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Random kernels and biases of VGG16's convolutions by the release's names, conv1_1 to conv5_3."""
    rng = np.random.default_rng(0)
    names = [f"conv{block}_{n}" for block, count in enumerate((2, 2, 3, 3, 3), 1) for n in range(1, count + 1)]
    convolutions = [layer for layer in vgg16.layers if layer.weights]
    return {
        name: tuple(rng.random(tuple(weight.shape), np.float32) for weight in layer.weights)
        for name, layer in zip(names, convolutions, strict=True)
    }


def write_vggface(path: Path, tensors: dict[str, tuple[np.ndarray, np.ndarray]], kernel: str, bias: str) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in tensors]
        file.create_group("pool1")
        for name, values in tensors.items():
            for pattern, value in zip((kernel, bias), values, strict=True):
                file[f"{name}/{pattern.format(name=name)}"] = value


VGGFACE = get_architecture("vggface").pretrained[0]


@pytest.mark.parametrize(
    ("kernel", "bias"),
    [("kernel", "bias"), ("{name}/kernel:0", "{name}/bias:0"), ("{name}_W_1:0", "{name}_b_1:0")],
)
def test_every_tensor_of_the_vggface_release_lands_in_its_layer(
    tmp_path: Path,
    vgg16: keras.Model,
    vggface_tensors: dict[str, tuple[np.ndarray, np.ndarray]],
    kernel: str,
    bias: str,
) -> None:
    write_vggface(tmp_path / VGGFACE.name, vggface_tensors, kernel, bias)
    for weight in vgg16.weights:
        weight.assign(np.zeros(weight.shape))
    load_backbone(vgg16, VGGFACE, tmp_path / VGGFACE.name)
    for name, values in vggface_tensors.items():
        layer = vgg16.get_layer(name.replace("conv", "block").replace("_", "_conv"))
        for weight, value in zip(layer.get_weights(), values, strict=True):
            np.testing.assert_array_equal(weight, value)
    assert len(vgg16.weights) == 2 * len(vggface_tensors) == 26


def without_last(tensors: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {name: values for name, values in tensors.items() if name != "conv5_3"}


def test_a_vggface_file_without_a_layer(
    tmp_path: Path, vgg16: keras.Model, vggface_tensors: dict[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    write_vggface(tmp_path / VGGFACE.name, without_last(vggface_tensors), "kernel", "bias")
    assert "conv5_3" in load_error(vgg16, VGGFACE, tmp_path / VGGFACE.name)


@pytest.mark.parametrize("content", ["other tensors", "datasets", "no bias"])
def test_a_vggface_file_with_other_contents(tmp_path: Path, vgg16: keras.Model, content: str) -> None:
    path = tmp_path / VGGFACE.name
    with h5py.File(path, "w") as file:
        if content == "datasets":
            file["conv1_1"] = np.zeros(3)
        else:
            file["conv1_1/kernel"] = np.zeros((3, 3, 3, 63 if content == "other tensors" else 64))
            if content == "other tensors":
                file["conv1_1/bias"] = np.zeros(64)
    load_error(vgg16, VGGFACE, path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the published weights are not here")
@pytest.mark.parametrize(("name", "file_name"), REAL_FILES.items())
def test_real_weights_load_and_have_the_registered_digest(name: str, file_name: str) -> None:
    architecture = get_architecture(name)
    file, path = find_weights(architecture.pretrained, REAL)
    assert (file, path.name) == (architecture.pretrained[0], file_name)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.digest
    backbone = architecture.build(7, 48).get_layer(BACKBONE)
    backbone.set_weights([np.full(weight.shape, np.nan) for weight in backbone.weights])
    load_backbone(backbone, file, path)
    assert all(np.isfinite(loaded).all() for loaded in backbone.get_weights()), "every tensor came from the file"


@pytest.mark.skipif(not REAL.is_dir(), reason="the published weights are not here")
def test_real_weights_of_another_architecture(tmp_path: Path) -> None:
    file = get_architecture("mobilenetv2").pretrained[0]
    (tmp_path / file.name).write_bytes((REAL / REAL_FILES["mobilenet_vggface2"]).read_bytes())
    load_error(get_architecture("mobilenetv2").build(7, 48).get_layer(BACKBONE), file, tmp_path / file.name)


def test_a_name_stands_for_one_pretrained_file() -> None:
    files = {file for name in list_architectures() for file in get_architecture(name).pretrained}
    assert len({file.name for file in files}) == len(files)


def test_vggface_begins_from_faces_where_it_can_and_else_from_vgg16s_images(tmp_path: Path) -> None:
    files = get_architecture("vggface").pretrained
    images = get_architecture("vgg16").pretrained[0]
    (tmp_path / images.name).touch()
    assert find_weights(files, tmp_path) == (images, tmp_path / images.name)
    assert images.label == "imagenet"
    (tmp_path / VGGFACE.name).touch()
    assert find_weights(files, tmp_path) == (VGGFACE, tmp_path / VGGFACE.name)
