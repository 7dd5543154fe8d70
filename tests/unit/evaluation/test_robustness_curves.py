"""Accuracy by the strength of a change."""

import numpy as np
import pytest
from face_datasets import small_dataset
from onnx_models import write_model

from fer.evaluation.robustness import light
from fer.evaluation.robustness_curves import FACES, SERIES, curve_rows, robustness_curves
from fer.inference.runtime import onnx_predict


def test_light_does_not_turn_over_where_its_gain_is_whole():
    faces = np.full((1, 48, 48), 200, np.uint8)
    assert (light(2)(faces) == 255).all()


@pytest.mark.parametrize("size", [32, 48, 100])
def test_curves_begin_where_nothing_is_changed(tmp_path, size):
    dataset = small_dataset(train=1, held_out=6, classes=("happy", "sad"), size=size)
    model = write_model(tmp_path, dataset.classes, size=size) / "model.onnx"
    rows = curve_rows(dataset)
    faces = dataset.images[rows]
    # What the model says of unchanged faces is right: it can only lose.
    labels = onnx_predict(model, faces).argmax(axis=1)
    curves = robustness_curves(model, faces, labels, resamples=20, seed=0)
    assert list(dict.fromkeys(curves["change"])) == list(SERIES)
    for kind, part in curves.groupby("change"):
        unchanged = SERIES[kind].unchanged if SERIES[kind].unchanged is not None else size
        assert part["accuracy"][part["strength"] == unchanged].tolist() == [1.0]
        assert part["strength"].is_monotonic_increasing
        assert part["strength"].is_unique
        assert part["accuracy"].between(part["low"], part["high"]).all()
    assert curves["accuracy"].min() < 1


def test_strengths_grow_in_what_they_do_to_a_face():
    faces = small_dataset(train=4, held_out=1).images[:8]
    for series in SERIES.values():
        harm = {
            strength: float(np.abs(change(faces).astype(int) - faces).mean()) for strength, change in series.points(48)
        }
        unchanged = 48 if series.unchanged is None else series.unchanged
        for side in (1, -1):
            ordered = [
                harm[one] for one in sorted(harm, key=lambda one: abs(one - unchanged)) if side * (one - unchanged) > 0
            ]
            assert ordered == sorted(ordered)


def test_images_are_bounded_and_spread():
    dataset = small_dataset(train=1, held_out=FACES)
    rows = curve_rows(dataset)
    assert len(rows) == FACES
    assert {*dataset.table["emotion"][rows]} == {*dataset.classes}
