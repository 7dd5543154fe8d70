"""What a face's picture measures, and when not to trust a prediction."""

from collections.abc import Sequence

import cv2
import numpy as np

from fer.inference.classifier import Card, above_thresholds
from fer.inference.detection import Detection
from fer.inference.face_check import sharpness
from fer.inference.faces import Doubt, Properties

#: Shorter side in pixels of the smallest box that is certain: reduced to 24 pixels and enlarged again, 90 % of faces
#: keep their label; to 16 pixels, 75 %.
LEAST_SIDE = 24
#: Score of the weakest detection that is certain.
LEAST_SCORE = 0.8
#: Least sharpness: 95 % of FER-2013's faces lie below it once they were reduced to 16 pixels, 0.1 % before.
LEAST_SHARPNESS = 0.3


def properties_of(card: Card, faces: np.ndarray) -> list[Properties]:
    """What is measured on uint8 ``[N, S, S]``, the classifier's inputs.

    Args:
        card: of the model that predicts; without a face check no likeness is known.
        faces: of length N.
    """
    if len(faces) == 0:
        return []
    light = [[float(value[0, 0]) for value in cv2.meanStdDev(face)] for face in faces]
    likeness = card.face_check.scores(faces).tolist() if card.face_check else [None] * len(faces)
    return [Properties(*row, *rest) for row, *rest in zip(light, sharpness(faces).tolist(), likeness, strict=True)]


def doubts(
    card: Card,
    properties: Sequence[Properties],
    probabilities: np.ndarray,
    detections: Sequence[Detection | None],
) -> list[tuple[Doubt, ...]]:
    """Why each prediction is not certain, in the order of ``Doubt``; an empty tuple where it is.

    ``benchmarks/trust.py`` measures what each reason finds and what it costs.

    Args:
        card: of the model that predicted; without a face check no image is said to be no face.
        properties: of its inputs, N of them.
        probabilities: float32 ``[N, C]``, its predictions.
        detections: of length N; None for an image that was given as a crop.
    """
    if len(properties) == 0:
        return []
    thresholds = np.array([card.thresholds.get(name, 1.0) for name in card.classes])
    sides = np.array([LEAST_SIDE if found is None else found.side for found in detections])
    scores = np.array([1.0 if found is None or found.score is None else found.score for found in detections])
    holding = {
        Doubt.PROBABILITY: ~above_thresholds(probabilities, thresholds),
        Doubt.SMALL: sides < LEAST_SIDE,
        Doubt.DETECTION: scores < LEAST_SCORE,
        Doubt.BLUR: np.array([measured.sharpness for measured in properties]) < LEAST_SHARPNESS,
    }
    if card.face_check:
        bound = card.face_check.bound
        holding[Doubt.NO_FACE] = np.array([measured.likeness < bound for measured in properties])  # type: ignore[operator]
    columns = [(reason, holding[reason].tolist()) for reason in Doubt if reason in holding]
    return [tuple(reason for reason, holds in columns if holds[number]) for number in range(len(properties))]
