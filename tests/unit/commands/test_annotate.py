"""Boxes and labels on pictures of every size."""

import cv2
import numpy as np
import pytest

from fer.commands.annotate import LEAST_SIDE, bgr, draw_faces, enlarged
from fer.emotions import EMOTION_COLORS, EMOTIONS
from fer.inference.faces import Doubt, Face

HAPPY = bgr(EMOTION_COLORS["happy"])


def grey(width, height):
    return np.full((height, width, 3), 128, np.uint8)


def happy(box, doubts=(), track=None):
    return Face(box, {"happy": 0.987}, "happy", doubts, track=track)


def label_of(drawn):
    """Left, top, width and height of the label: the largest area of the box's colour."""
    filled = (np.abs(drawn.astype(int) - HAPPY).max(axis=2) < 3).astype(np.uint8)
    for way, side in ((cv2.MORPH_CLOSE, 9), (cv2.MORPH_OPEN, 9 if len(drawn) < 2500 else 21)):
        filled = cv2.morphologyEx(filled, way, np.ones((side, side), np.uint8))  # its letters go, and the box's lines
    stats = cv2.connectedComponentsWithStats(filled)[2][1:]
    return tuple(stats[stats[:, 4].argmax()][:4])


def test_the_box_is_drawn_and_the_face_left_as_it_was():
    drawn = draw_faces(grey(640, 480), [happy((200, 150, 100, 120))])
    assert (drawn[160:265, 200] == HAPPY).all(), "the left edge"
    assert (drawn[160:260, 210:290] == 128).all(), "the face"
    assert (draw_faces(grey(640, 480), []) == 128).all()


def test_the_picture_itself_is_left_alone():
    image = grey(640, 480)
    draw_faces(image, [happy((200, 150, 100, 120))])
    assert (image == 128).all()


def test_every_emotion_has_a_colour_of_its_own():
    assert set(EMOTION_COLORS) == set(EMOTIONS)
    assert len(set(EMOTION_COLORS.values())) == len(EMOTIONS)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_label_is_legible_on_its_emotions_colour(emotion):
    drawn = draw_faces(grey(400, 300), [Face((20, 60, 80, 80), {emotion: 0.987}, emotion)])
    label = drawn[44:58, 22:100].reshape(-1, 3).astype(float)
    luma = label @ (0.114, 0.587, 0.299)
    assert np.ptp(luma) > 80, "text and background differ by a third of the range or more"


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (970, 2204), (4000, 3000), (8000, 1000)])
@pytest.mark.parametrize("place", ["top left", "bottom right", "over the edge", "whole"])
def test_a_label_stays_inside_the_picture(size, place):
    width, height = size
    side = min(size) // 3
    box = {
        "top left": (0, 0, side, side),
        "bottom right": (width - side, height - side, side, side),
        "over the edge": (-side // 2, height - side // 2, side, side),
        "whole": (0, 0, width, height),
    }[place]
    left, top, wide, high = label_of(draw_faces(grey(width, height), [happy(box)]))
    assert left >= 0
    assert top >= 0
    assert left + wide <= width
    assert top + high <= height
    assert high >= 12, "pixels"
    assert wide < 0.5 * width, "it hides no more than it must"
    assert high > min(height, 0.75 * width) / 130, "and is large enough when the whole picture is on a screen"


def test_labels_of_small_faces_are_smaller():
    large, small = (label_of(draw_faces(grey(4000, 3000), [happy((900, 900, w, w))]))[2] for w in (900, 90))
    assert small < 0.5 * large


def test_doubt_and_track_are_in_the_label():
    faces = happy((90, 90, 80, 80)), happy((90, 90, 80, 80), (Doubt.BLUR,)), happy((90, 90, 80, 80), (), 12)
    widths = [label_of(draw_faces(grey(640, 480), [face]))[2] for face in faces]
    assert widths[0] < widths[1] < widths[2], "a question mark; a number"


def test_a_tiny_picture_is_enlarged_so_that_its_label_has_room():
    image, faces = enlarged(grey(48, 60), [happy((4, 6, 40, 50))])
    assert min(image.shape[:2]) == LEAST_SIDE == 240
    assert faces[0].box == (20, 30, 200, 250)
    left, _, wide, _ = label_of(draw_faces(image, faces))
    assert left + wide <= image.shape[1]
    large = grey(640, 480)
    assert enlarged(large, [happy((4, 6, 40, 50))])[0] is large
