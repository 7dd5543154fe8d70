"""What calibration errors are held against, on probabilities whose truth is known."""

from pathlib import Path

import numpy as np
import pytest
from face_datasets import small_dataset
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from trained_models import write_trained

from fer.evaluation.calibration import calibration_error
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.report.calibration import by_entropy, calibration_table, error_by_chance, tempered

LOGITS = arrays(np.float64, (5, 4), elements=st.floats(-9, 9, width=32), unique=True)


def test_the_error_by_chance_is_none_of_certain_predictions_and_shrinks_with_the_root_of_their_number() -> None:
    assert error_by_chance(np.eye(3)[[0, 1, 2, 2]]) == (0, 0)
    few, many = (error_by_chance(np.full((count, 2), 0.5)) for count in (100, 2_500))
    # One bin: the error is |share - 1/2|, whose mean is sqrt(2 / pi) standard deviations of 1 / (2 sqrt(count)),
    # and which exceeds 2.24 of them in 2.5 % of the draws.
    assert few == pytest.approx((0.04, 0.112), rel=0.1)
    assert many == pytest.approx((0.008, 0.0224), rel=0.1)


@given(LOGITS, st.floats(-0.5, 0.5), st.floats(-0.3, 0.3))
def test_no_prediction_changes_and_without_a_slope_it_is_one_temperature(
    logits: np.ndarray, offset: float, slope: float
) -> None:
    probabilities = softmax(logits, axis=1)
    np.testing.assert_allclose(tempered(probabilities, 0, 0), probabilities, atol=1e-6)
    np.testing.assert_allclose(tempered(probabilities, offset, 0), softmax(logits / np.exp(offset), axis=1), atol=1e-6)
    changed = tempered(probabilities, offset, slope)
    top = np.take_along_axis(changed, probabilities.argmax(axis=1)[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(top, changed.max(axis=1), rtol=1e-6)


def test_a_temperature_that_goes_by_entropy_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation and test are drawn from probabilities of which the model states others."""
    rng, folder = np.random.default_rng(0), write_trained(tmp_path, small_dataset(train=2, held_out=2))
    stated = softmax(rng.normal(0, 2, (6_000, 4)), axis=1)
    true = tempered(stated, -0.2, -0.4)
    labels = (rng.random((len(true), 1)) > true.cumsum(axis=1)[:, :-1]).sum(axis=1)
    monkeypatch.setattr(ModelFolder, "scored", lambda *_: (labels, stated))
    np.testing.assert_allclose(by_entropy(folder), true, atol=0.02)
    assert calibration_error(labels, by_entropy(folder)) < 0.4 * calibration_error(labels, stated)


@pytest.mark.parametrize("wrong", [0, 1])
def test_of_few_errors_no_absurd_temperature_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    """The defect: with one wrong of 189 the exponent was 131, and rows were tied or no numbers."""
    rng, folder = np.random.default_rng(3), write_trained(tmp_path, small_dataset(train=2, held_out=2))
    stated = softmax(rng.normal(0, 4, (189, 7)), axis=1).astype(np.float32)
    labels = stated.argmax(axis=1)
    labels[:wrong] = stated[:wrong].argmin(axis=1)
    monkeypatch.setattr(ModelFolder, "scored", lambda *_: (labels, stated))
    found = by_entropy(folder)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found.argmax(axis=1), stated.argmax(axis=1))


def test_the_table_has_the_errors_beside_each_other(tmp_path: Path) -> None:
    folder = write_trained(tmp_path, small_dataset(train=2, held_out=6))
    (line,) = calibration_table([folder]).to_dict("records")
    labels, probabilities = folder.scored(Split.TEST)
    assert line["calibration error, one view"] == f"{folder.metrics['test.ece']:.3f}"
    mean, most = error_by_chance(probabilities)
    assert line["by chance, mean and 97.5 %"] == f"{mean:.3f} and {most:.3f}"
    assert line["temperature by entropy"] == f"{calibration_error(labels, by_entropy(folder)):.3f}"
