from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_faces import drawn_sample

from fer.inference import trust
from fer.inference.classifier import RELEASED, Card
from fer.inference.detection import Detection
from fer.inference.face_check import sharpness
from fer.inference.faces import Doubt
from fer.inference.trust import LEAST_SHARPNESS, properties_of

CARD = Card("tiny", ("happy", "sad", "fear"), "drawn", "0" * 16, "0" * 64, {}, {"happy": 0.5, "sad": 1.0})
PROBABILITIES = np.float32([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0, 1, 0], [0.3, 0.3, 0.4]])
#: Without a face check in the card, whatever is sharp will do.
FACES = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
SURE = np.float32([[0.9, 0.1, 0.0]])


def doubts(
    card: Card, faces: np.ndarray, probabilities: np.ndarray, detections: list[Detection | None]
) -> list[tuple[Doubt, ...]]:
    return trust.doubts(card, properties_of(card, faces), probabilities, detections)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    images, table = drawn_sample(70, 1)
    return images[(table["flaw"] == "").to_numpy()]


def test_a_prediction_is_certain_above_its_classes_threshold():
    low = (Doubt.PROBABILITY,)
    assert doubts(CARD, FACES, PROBABILITIES, [None] * 4) == [(), low, low, low]


def test_a_card_without_thresholds_calls_no_prediction_certain():
    assert all(doubts(replace(CARD, thresholds={}), FACES, PROBABILITIES, [None] * 4))


def test_no_faces_give_no_doubts():
    assert doubts(CARD, FACES[:0], PROBABILITIES[:0], []) == []


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        (None, ()),
        (Detection((0, 0, 24, 24)), ()),
        (Detection((0, 0, 300, 23)), (Doubt.SMALL,)),
        (Detection((0, 0, 100, 100), score=0.8), ()),
        (Detection((0, 0, 100, 100), score=0.79), (Doubt.DETECTION,)),
        (Detection((0, 0, 20, 20), score=0.7), (Doubt.SMALL, Doubt.DETECTION)),
    ],
)
def test_what_the_detection_says(detection: Detection | None, expected: tuple[Doubt, ...]):
    assert doubts(CARD, FACES[:1], SURE, [detection]) == [expected]


def test_every_reason_is_given_in_the_order_of_doubt():
    card = replace(CARD, face_check=Card.load(RELEASED).face_check, thresholds={})
    blank = np.full((1, 48, 48), 128, np.uint8)
    assert doubts(card, blank, SURE, [Detection((0, 0, 10, 10), score=0.5)]) == [tuple(Doubt)]


def test_a_face_enlarged_from_sixteen_pixels_is_blurred(drawn: np.ndarray):
    small = [cv2.resize(face, (16, 16), interpolation=cv2.INTER_AREA) for face in drawn]
    enlarged = np.stack([cv2.resize(face, (48, 48), interpolation=cv2.INTER_CUBIC) for face in small])
    assert (sharpness(enlarged) < LEAST_SHARPNESS).mean() > 0.9
    assert (sharpness(drawn) >= LEAST_SHARPNESS).all()
    sure = np.repeat(SURE, len(drawn), axis=0)
    assert {Doubt.BLUR} == {why for row in doubts(CARD, enlarged, sure, [None] * len(drawn)) for why in row}


def test_sharpness_does_not_depend_on_light_or_contrast(drawn: np.ndarray):
    dim = (drawn // 2 + 30).astype(np.uint8)
    np.testing.assert_allclose(sharpness(dim), sharpness(drawn), rtol=0.08)
