from dataclasses import replace

import numpy as np

from fer.inference.classifier import Card
from fer.inference.faces import Doubt
from fer.inference.trust import doubts

CARD = Card("tiny", ("happy", "sad", "fear"), "drawn", "0" * 16, "0" * 64, {}, {"happy": 0.5, "sad": 1.0})
PROBABILITIES = np.float32([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0, 1, 0], [0.3, 0.3, 0.4]])
FACES = np.zeros((4, 48, 48), np.uint8)


def test_a_prediction_is_certain_above_its_classes_threshold():
    low = (Doubt.PROBABILITY,)
    assert doubts(CARD, FACES, PROBABILITIES, [None] * 4) == [(), low, low, low]


def test_a_card_without_thresholds_calls_no_prediction_certain():
    assert all(doubts(replace(CARD, thresholds={}), FACES, PROBABILITIES, [None] * 4))
