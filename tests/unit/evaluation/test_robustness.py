import numpy as np
import pytest
from face_datasets import small_dataset
from trained_models import write_trained

from fer.evaluation.robustness import CHANGES, FACES, UNCHANGED, correct_by_change, robustness_rows
from fer.inference.runtime import onnx_predict

FACE = small_dataset(train=1, held_out=1).images[:4]


@pytest.mark.parametrize("faces", [FACE, small_dataset(train=1, held_out=1, size=64).images[:4]])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_shape_and_type_and_gives_the_same_each_time(name, faces):
    changed = CHANGES[name](faces)
    assert (changed.shape, changed.dtype) == (faces.shape, np.uint8)
    assert (changed != faces).mean() > 0.05
    np.testing.assert_array_equal(CHANGES[name](faces), changed)
    assert CHANGES[name](faces[:0]).shape == faces[:0].shape


def test_changes_do_what_their_names_say():
    grey = FACE.astype(float)
    assert CHANGES["half the light"](FACE).mean() == pytest.approx(grey.mean() / 2, abs=0.5)
    assert CHANGES["blur of 2 pixels"](FACE).std() < CHANGES["blur of 1 pixel"](FACE).std() < grey.std()
    noise = CHANGES["noise of 25 grey values"](np.full((8, 48, 48), 128, np.uint8))
    assert noise.std() == pytest.approx(25, rel=0.05)
    turned = CHANGES["turned by 10 degrees"](CHANGES["turned by 10 degrees"](FACE))
    middle = slice(18, 30)
    back = CHANGES["turned by 20 degrees"](turned)  # the other way
    assert (
        np.abs(back[:, middle, middle] - grey[:, middle, middle]).mean()
        < np.abs(turned[:, middle, middle] - grey[:, middle, middle]).mean()
    )


def test_the_curve_is_the_models_own_answers(tmp_path):
    dataset = small_dataset(train=1, held_out=40)
    rows = robustness_rows(dataset)
    assert len(rows) == FACES < len(dataset.rows("validation"))
    assert set(dataset.table["split"].loc[rows]) == {"validation"}
    folder, faces, labels = write_trained(tmp_path, dataset), dataset.images[rows], dataset.labels[rows]
    found = correct_by_change(folder.onnx, faces, labels)
    assert list(found) == [UNCHANGED, *CHANGES]
    for name, changed in ((UNCHANGED, faces), ("JPEG of quality 10", CHANGES["JPEG of quality 10"](faces))):
        expected = onnx_predict(folder.onnx, changed).argmax(axis=1) == labels
        np.testing.assert_array_equal(found[name], expected)
