"""Faces drawn into the picture that they were read in."""

from collections.abc import Sequence

import cv2
import numpy as np

from fer.emotions import EMOTION_COLORS
from fer.inference.faces import Face


def draw_faces(image: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
    """A copy of a uint8 ``[H, W, 3]`` BGR image with a box and a label, emotion and probability, for every face.

    A prediction that is not certain has a question mark; a face on a track has its number.
    """
    canvas = image.copy()
    height, width = canvas.shape[:2]
    scale = max(height / 900, 0.45)
    line, stroke = max(round(2 * scale), 1), max(round(1.4 * scale), 1)
    for face in faces:
        x, y, w, h = face.box
        colour = bgr(EMOTION_COLORS[face.emotion])
        cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), colour, line)
        person = f"{face.track} " if face.track else ""
        text = f"{person}{face.label} {face.probability:.0%}"
        (text_width, text_height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
        left = max(min(x, width - text_width), 0)
        bottom = max(y, text_height + base)  # above the box, inside the image
        cv2.rectangle(canvas, (left, bottom - text_height - base), (left + text_width, bottom), colour, cv2.FILLED)
        origin = (left, bottom - base // 2 - 1)
        cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, text_on(colour), stroke, cv2.LINE_AA)
    return canvas


def bgr(colour: str) -> tuple[int, int, int]:
    """A colour ``#rrggbb`` as OpenCV wants it."""
    return int(colour[5:], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def text_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Black or white, BGR: whichever is further from the BGR ``colour`` by its luma (ITU-R BT.601)."""
    blue, green, red = colour
    return (0, 0, 0) if 0.114 * blue + 0.587 * green + 0.299 * red > 127 else (255, 255, 255)
