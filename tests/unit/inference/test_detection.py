import numpy as np

from fer.inference.detection import CascadeDetector


def test_the_wheels_cascade_loads_and_finds_nothing_in_an_empty_picture():
    assert CascadeDetector().detect(np.full((200, 300, 3), 128, np.uint8)) == []
    assert CascadeDetector().detect(np.full((200, 300), 128, np.uint8)) == []


def test_an_image_smaller_than_any_face_is_no_error():
    assert CascadeDetector().detect(np.zeros((3, 5, 3), np.uint8)) == []
