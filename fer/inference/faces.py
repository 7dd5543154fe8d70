"""From an image to its faces: detect, crop, classify."""

from dataclasses import dataclass

import numpy as np

from fer.inference.classifier import Classifier
from fer.inference.detection import Box, Detector, crop
from fer.inference.image import to_face


@dataclass(frozen=True)
class Face:
    """A face that was read.

    Attributes:
        box: left, top, width and height in pixels of the image.
        emotion: the likeliest class.
        probability: that class's, 0 to 1.
        certain: whether it reaches the model's threshold for that class.
    """

    box: Box
    emotion: str
    probability: float
    certain: bool


def find_faces(image: np.ndarray, classifier: Classifier, detector: Detector) -> list[Face]:
    """The faces of a uint8 ``[H, W, 3]`` BGR image with their likeliest emotions, the largest first."""
    boxes = detector.detect(image)
    if not boxes:
        return []
    probabilities = classifier.predict(np.stack([to_face(crop(image, box)) for box in boxes]))
    best = probabilities.argmax(axis=1)
    return [
        Face(box, classifier.classes[code], float(row[code]), bool(certain))
        for box, code, row, certain in zip(boxes, best, probabilities, classifier.certain(probabilities), strict=True)
    ]
