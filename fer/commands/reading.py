"""Who reads photos and frames: this machine, or a service."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fer.commands.remote import Service
from fer.errors import UserError
from fer.inference.choice import choose_model
from fer.inference.faces import Photo
from fer.inference.reader import Reader
from fer.inference.tracks import NEUTRAL, Smoothing

#: Of the classifier for a frame's few faces: more wait for each other in a loop, 52 ms of processor a frame, not 29.
THREADS = 1
#: Of the JPEG in which a frame goes to a service, of 100.
QUALITY = 95


@dataclass(frozen=True)
class Reading:
    """``photo`` finds the faces of a file's bytes or of pixels uint8 ``[H, W, 3]`` BGR.

    ``thresholds`` are its model's.
    """

    photo: Callable[[bytes | np.ndarray], Photo]
    classes: Sequence[str]
    thresholds: Mapping[str, float]

    def smoothing(self, baseline: float | None) -> Smoothing:
        """How to follow people.

        Raises:
            UserError: when a baseline is asked for and the model does not know neutral faces.
        """
        if baseline is not None and NEUTRAL not in self.classes:
            raise UserError(f"--baseline: the model has no class {NEUTRAL}; leave it out, or choose another model")
        return Smoothing(baseline=baseline, thresholds=self.thresholds)


def open_reading(
    url: str | None, model: str | None, detector: str | None, min_face: int | None, threads: int | None = None
) -> Reading:
    """What the options ask for; the model is said on standard error.

    ``threads`` are the classifier's; ONNX Runtime's choice by default.

    Raises:
        UserError: when model, detector or service cannot be had, or options contradict each other.
    """
    if not url:
        choice = choose_model(model)
        reader = Reader(choice.folder, detector or "auto", min_face, threads)
        print(f"model: {choice}", file=sys.stderr)
        return Reading(reader.photo, reader.classifier.classes, reader.classifier.card.thresholds)
    given = [("--model", model), ("--detector", detector), ("--min-face", min_face)]
    if own := [name for name, value in given if value is not None]:
        raise UserError(f"{', '.join(own)}: the service at --url has its own; leave one of them out")
    service = Service(url)
    print(f"model: {service.model}, trained on {service.dataset} ({url})", file=sys.stderr)

    def photo(image: bytes | np.ndarray) -> Photo:
        if isinstance(image, np.ndarray):
            image = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        return service.photo(image)

    return Reading(photo, service.classes, service.thresholds)
