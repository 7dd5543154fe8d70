"""Faces drawn into the picture that they were read in."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from fer.emotions import EMOTION_COLORS
from fer.inference.faces import Face, percent

#: Size of the letters (OpenCV's font scale) below which nobody can read them.
LEAST_SCALE = 0.45
#: Pixels of the shorter side below which a picture is enlarged, as a label would cover it.
LEAST_SIDE = 240


def draw_faces(image: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
    """A copy of a uint8 ``[H, W, 3]`` BGR image with a box and a label, emotion and probability, for every face.

    A prediction that is not certain has a question mark; a face on a track has its number. Labels are sized to the
    picture, and down to a third of that where faces are small.
    """
    canvas = image.copy()
    height, width = canvas.shape[:2]
    largest = min(height, 0.75 * width) / 900
    line = max(round(2 * largest), 2)
    for face in faces:
        x, y, w, h = face.box
        cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), bgr(EMOTION_COLORS[face.emotion]), line)
    for face in faces:  # over all boxes
        _draw_label(canvas, face, max(min(largest, max(face.box[2] / 110, largest / 3)), LEAST_SCALE))
    return canvas


def enlarged(image: np.ndarray, faces: Sequence[Face]) -> tuple[np.ndarray, list[Face]]:
    """A tiny picture and its faces, so many times larger that labels have room; any other as it is."""
    factor = -(-LEAST_SIDE // min(image.shape[:2]))
    if factor == 1:
        return image, list(faces)
    larger = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return larger, [replace(face, box=tuple(factor * value for value in face.box)) for face in faces]


def _draw_label(canvas: np.ndarray, face: Face, scale: float) -> None:
    width = canvas.shape[1]
    x, y = face.box[:2]
    colour, stroke = bgr(EMOTION_COLORS[face.emotion]), max(round(1.4 * scale), 1)
    person = f"{face.track} " if face.track else ""
    text = f"{person}{face.label} {percent(face.probability)}"
    (text_width, text_height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    left = max(min(x, width - text_width), 0)
    bottom = max(y, text_height + base)  # above the box, inside the image
    cv2.rectangle(canvas, (left, bottom - text_height - base), (left + text_width, bottom), colour, cv2.FILLED)
    origin = (left, bottom - base // 2 - 1)
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, text_on(colour), stroke, cv2.LINE_AA)


def bgr(colour: str) -> tuple[int, int, int]:
    """A colour ``#rrggbb`` as OpenCV wants it."""
    return int(colour[5:], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def text_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Black or white, BGR: whichever is further from the BGR ``colour`` by its luma (ITU-R BT.601)."""
    blue, green, red = colour
    return (0, 0, 0) if 0.114 * blue + 0.587 * green + 0.299 * red > 127 else (255, 255, 255)
