import numpy as np
import pytest

from fer.commands.annotate import draw_faces
from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.inference.faces import Doubt, Face

#: The colour of happy, BGR.
HAPPY = tuple(int(EMOTION_COLORS["happy"][at : at + 2], 16) for at in (5, 3, 1))


def test_every_emotion_has_a_colour_of_its_own():
    assert set(EMOTION_COLORS) == set(EMOTIONS)
    assert len(set(EMOTION_COLORS.values())) == len(EMOTIONS)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_label_is_legible_on_its_emotions_colour(emotion):
    image = np.full((160, 200, 3), 128, np.uint8)
    drawn = draw_faces(image, [Face((20, 60, 80, 80), {emotion: 0.987}, emotion)])
    label = drawn[40:60, 20:100].reshape(-1, 3).astype(float)
    luma = label @ (0.114, 0.587, 0.299)
    assert np.ptp(luma) > 80, "text and background differ by a third of the range or more"


@pytest.mark.parametrize("box", [(0, 0, 20, 20), (180, 140, 20, 20), (190, 0, 40, 40), (-5, 150, 20, 30)])
def test_a_label_at_the_edge_stays_inside_the_image(box):
    image = np.full((160, 200, 3), 128, np.uint8)
    drawn = draw_faces(image, [Face(box, {"happy": 0.987}, "happy")])
    filled = (drawn == HAPPY).all(axis=2)
    assert filled.sum() > 500, "the label's background is there in full"
    assert (drawn < 60).all(axis=2).any(), "and text on it"
    assert (image == 128).all(), "the input is left alone"


def test_a_prediction_that_is_not_certain_has_a_question_mark():
    image = np.full((160, 200, 3), 128, np.uint8)
    sure, unsure = (
        draw_faces(image, [Face((60, 60, 80, 80), {"happy": 0.4}, "happy", doubts)])
        for doubts in ((), (Doubt.PROBABILITY,))
    )
    label = [(drawn == HAPPY).all(axis=2).any(axis=0).sum() for drawn in (sure, unsure)]
    assert label[1] > label[0], "its label is longer"


def test_a_face_on_a_track_has_its_number():
    image = np.full((160, 200, 3), 128, np.uint8)
    widths = []
    for track in (None, 12):
        drawn = draw_faces(image, [Face((40, 60, 80, 80), {"happy": 0.4}, "happy", track=track)])
        widths.append((drawn == HAPPY).all(axis=2).any(axis=0).sum())
    assert widths[1] > widths[0] + 10
