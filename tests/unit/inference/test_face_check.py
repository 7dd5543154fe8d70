import json
from dataclasses import asdict

import numpy as np
import pytest
from onnx_models import write_card

from fer.errors import UserError
from fer.inference.classifier import RELEASED, Card
from fer.inference.face_check import FEATURES, FaceCheck, features


@pytest.fixture(scope="module")
def check() -> FaceCheck:
    found = Card.load(RELEASED).face_check
    assert found is not None
    return found


def test_the_scores_are_those_of_the_layers():
    """One unit that sees the contrast alone, one that sees nothing and is cut off at zero."""
    hidden, output = np.zeros((FEATURES + 1, 2)), np.array([2.0, 7.0, -3.0])
    hidden[-4, 0], hidden[-1, 1] = 1, -1
    faces = np.zeros((2, 48, 48), np.uint8)
    faces[1, :24] = 200  # a deviation of 100
    scores = FaceCheck.of(hidden, output).scores(faces)
    np.testing.assert_allclose(scores, [-3, 2 * np.log(101) - 3], rtol=1e-3)


def test_an_image_is_scored_alone_as_in_a_batch(check: FaceCheck):
    faces = np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8)
    np.testing.assert_allclose(check.scores(faces), [check.scores(face[None])[0] for face in faces], atol=1e-3)
    assert features(faces[:0]).shape == (0, FEATURES)
    assert check.is_face(faces[:0]).shape == (0,)


def test_a_card_carries_its_check_through_json(check: FaceCheck):
    card = Card.load(RELEASED)
    assert Card.of(json.loads(json.dumps(asdict(card)))) == card
    assert len(check.weights) < 300_000


@pytest.mark.parametrize("model", ["without", "null"])
def test_an_older_card_loads_without_a_check(model_folder, tmp_path, model: str):
    (tmp_path / "model.onnx").write_bytes((model_folder / "model.onnx").read_bytes())
    write_card(tmp_path, thresholds={"happy": 0.0}, **({} if model == "without" else {"face_check": None}))
    assert Card.load(tmp_path).face_check is None


@pytest.mark.parametrize(
    "damaged",
    [
        {"bound": 0.0, "weights": "?"},
        {"bound": 0.0, "weights": "AAAA"},
        {"bound": "low", "weights": ""},
        {"bound": 0.0},
        {"bound": 0.0, "weights": 3},
        "check",
    ],
)
def test_a_damaged_check_is_said_in_one_line(model_folder, tmp_path, damaged: object):
    (tmp_path / "model.onnx").write_bytes((model_folder / "model.onnx").read_bytes())
    write_card(tmp_path, face_check=damaged)
    with pytest.raises(UserError, match=r"card\.json: not a model card"):
        Card.load(tmp_path)
