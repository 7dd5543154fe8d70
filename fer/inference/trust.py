"""When not to trust a prediction."""

from collections.abc import Sequence

import numpy as np

from fer.inference.classifier import Card, above_thresholds
from fer.inference.detection import Detection
from fer.inference.faces import Doubt


def doubts(
    card: Card, faces: np.ndarray, probabilities: np.ndarray, detections: Sequence[Detection | None]
) -> list[tuple[Doubt, ...]]:
    """Why each prediction is not certain; an empty tuple where it is.

    Args:
        card: of the model that predicted.
        faces: uint8 ``[N, 48, 48]``, the classifier's inputs.
        probabilities: float32 ``[N, C]``, its predictions.
        detections: of length N; None for an image that was given as a crop.
    """
    thresholds = np.array([card.thresholds.get(name, 1.0) for name in card.classes])
    return [() if enough else (Doubt.PROBABILITY,) for enough in above_thresholds(probabilities, thresholds)]
