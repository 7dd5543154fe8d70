from pathlib import Path

import numpy as np
import onnx
import pytest
from face_datasets import small_dataset
from onnx import numpy_helper
from onnx_models import write_model
from trained_models import write_trained

from fer.evaluation.saliency import PATCH, correct_predictions, occlusion_maps
from fer.figures.saliency import saliency_sheet
from fer.inference.runtime import onnx_predict

FACES = small_dataset(train=1, held_out=1).images[:7]
TOP, LEFT, SIDE = 20, 30, 6


@pytest.fixture(scope="module")
def local_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose prediction depends on a square of pixels alone: bright there means class 0, dark class 1."""
    path = write_model(tmp_path_factory.mktemp("model"), ("happy", "sad")) / "model.onnx"
    model = onnx.load(path)
    kernel = np.zeros((48, 48, 2), np.float32)
    kernel[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = (0.02, -0.02)
    (weights,) = (constant for constant in model.graph.initializer if constant.name == "weights")
    weights.CopyFrom(numpy_helper.from_array(kernel.reshape(-1, 2), "weights"))
    onnx.save(model, path)
    return path


@pytest.fixture
def faces() -> np.ndarray:
    """A face bright at the square, one dark there, one grey everywhere."""
    faces = np.full((3, 48, 48), 100, np.uint8)
    faces[0, TOP : TOP + SIDE, LEFT : LEFT + SIDE] = 250
    faces[1, TOP : TOP + SIDE, LEFT : LEFT + SIDE] = 10
    return faces


def test_only_what_the_model_looks_at_has_a_value(local_model: Path, faces: np.ndarray) -> None:
    maps = occlusion_maps(local_model, faces, np.array([0, 1, 0]))
    assert (maps.dtype, maps.shape) == (np.float32, faces.shape)
    near = np.zeros((48, 48), bool)
    near[TOP - PATCH + 1 : TOP + SIDE + PATCH - 1, LEFT - PATCH + 1 : LEFT + SIDE + PATCH - 1] = True
    for number, found in enumerate(maps[:2]):
        top, left = np.unravel_index(found.argmax(), found.shape)
        assert TOP <= top < TOP + SIDE, number
        assert LEFT <= left < LEFT + SIDE, number
        assert np.abs(found[~near]).max() < 1e-6
    assert maps[0].max() > 0.05, "without the bright square, happy is less probable"
    assert np.abs(maps[2]).max() < 1e-6, "grey on grey changes nothing"


def test_for_the_other_class_the_map_is_turned_round(local_model: Path, faces: np.ndarray) -> None:
    happy, sad = (occlusion_maps(local_model, faces[:1], np.array([code])) for code in (0, 1))
    np.testing.assert_allclose(happy, -sad, atol=1e-6)


def test_the_map_is_as_strong_where_the_model_is_sure(local_model: Path, faces: np.ndarray) -> None:
    sure = np.repeat(faces[:1], 2, axis=0)
    sure[0, TOP : TOP + SIDE, LEFT : LEFT + SIDE] = 110
    weak, strong = occlusion_maps(local_model, sure, np.zeros(2, int)).max(axis=(1, 2))
    assert strong / weak == pytest.approx(14.8, rel=0.03), "linear in the model's pixels: 148 levels against 10"


def test_faces_are_left_alone(local_model: Path, faces: np.ndarray) -> None:
    before = faces.copy()
    occlusion_maps(local_model, faces, np.zeros(3, int))
    np.testing.assert_array_equal(faces, before)


def test_the_faces_shown_are_read_rightly_in_the_order_of_the_classes(tmp_path: Path) -> None:
    dataset = small_dataset(train=2, held_out=8)
    folder = write_trained(tmp_path, dataset)
    chosen = correct_predictions(folder, 2)
    assert 1 <= chosen["emotion"].value_counts().min() <= chosen["emotion"].value_counts().max() <= 2
    assert list(dict.fromkeys(chosen["emotion"])) == [name for name in folder.classes if name in set(chosen["emotion"])]
    predicted = onnx_predict(folder.onnx, np.asarray(dataset.images[chosen["row"].to_numpy()])).argmax(axis=1)
    assert [folder.classes[code] for code in predicted] == chosen["emotion"].tolist()
    assert (dataset.table.loc[chosen["row"], "split"] == "test").all()


def test_the_sheet_is_the_same_bytes_on_every_run(local_model: Path, tmp_path: Path, faces: np.ndarray) -> None:
    dataset = small_dataset(train=2, held_out=8)
    chosen = correct_predictions(write_trained(tmp_path / "models", dataset), 2)
    shown = np.asarray(dataset.images[chosen["row"].to_numpy()])
    maps = occlusion_maps(local_model, shown, np.zeros(len(shown), int))
    for name in ("first.png", "second.png"):
        saliency_sheet(shown, maps, chosen["emotion"], "What moves the predictions", tmp_path / name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
