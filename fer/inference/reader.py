"""One object from pixels to people: detect, align, classify, doubt."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fer.errors import UserError
from fer.inference.alignment import aligned_face
from fer.inference.boxes import given_boxes
from fer.inference.classifier import PACKAGE, RELEASED, Classifier, find_model
from fer.inference.detection import Detection, Detector, open_detector
from fer.inference.faces import Face, Photo
from fer.inference.image import load_image
from fer.inference.resize import to_face
from fer.inference.tracks import Smoothing
from fer.inference.trust import doubts, properties_of
from fer.inference.video import Frame, read_video


class Reader:
    """Finds the faces of an image and reads their emotions.

    Threads may share one. It can be pickled: another process opens model and detector again.

    Args:
        model: a folder with ``model.onnx`` and ``card.json``, or a model of the package: ``released``, or ``mini``
            for weak devices.
        detector: the name of one, or an object that finds faces; by default the best that this machine has.
        min_face: shorter side of the smallest face to look for, in pixels; by default the detector's own.
        threads: of one call of the classifier; ONNX Runtime's choice by default.

    Raises:
        UserError: when there is no such model or detector.

    Example:
        >>> photo = Reader().photo("holiday.jpg")
        >>> print(photo)
        >>> photo.faces[0].emotion, photo.faces[0].probability, photo.faces[0].certain
    """

    def __init__(
        self,
        model: str | Path = RELEASED,
        detector: str | Detector = "auto",
        min_face: int | None = None,
        threads: int | None = None,
    ) -> None:
        folder = find_model(model).absolute()
        # The package's own by its name: a machine that unpickles this one may have it elsewhere.
        self._arguments = (folder.name if folder.parent == PACKAGE else folder, detector, min_face, threads)
        if not isinstance(detector, str) and not (hasattr(detector, "detect") and hasattr(detector, "name")):
            raise UserError(f"detector: {detector!r} is none; give a name, or an object with name and detect")
        self.classifier = Classifier(folder, threads)
        self.detector = open_detector(detector, min_face) if isinstance(detector, str) else detector

    def __reduce__(self) -> tuple[type["Reader"], tuple[Any, ...]]:
        """Pickled as what it was made of."""
        return type(self), self._arguments

    def __repr__(self) -> str:
        card = self.classifier.card
        return f"Reader({card.architecture}, trained on {card.dataset}; faces by {self.detector.name})"

    def photo(self, image: Any, boxes: Iterable[Any] | None = None) -> Photo:
        """The faces of one image, the largest first.

        Args:
            image: whatever ``load_image`` takes: a file's path or bytes, pixels in BGR order, or a PIL image. Files
                and PIL images are turned upright by their EXIF tag.
            boxes: faces that the caller found, each left, top, width and height in pixels of the upright image (a
                list or an ``[N, 4]`` array); they are read in their order. By default the detector looks.

        Raises:
            UserError: in one line, when the image or a box cannot be read.
        """
        name = Path(image).name if isinstance(image, str | Path) else None
        pixels = load_image(image)
        height, width = pixels.shape[:2]
        if boxes is None:
            found, by = self.detector.detect(pixels), self.detector.name
        else:
            found, by = [Detection(box) for box in given_boxes(boxes, width, height)], "given"
        faces = self._read([aligned_face(pixels, detection, self.classifier.face_size) for detection in found], found)
        return Photo(width, height, by, tuple(faces), name, self.classifier.card.classes)

    def faces(self, crops: Iterable[Any]) -> list[Face]:
        """Every crop read as one face, in order; no face is looked for.

        Args:
            crops: images that show one face each, in any form that ``photo`` takes.

        Raises:
            UserError: in one line, for the first that cannot be read, with its number from 0.
        """
        if isinstance(crops, str | bytes | Path) or not isinstance(crops, Iterable) or _is_one_image(crops):
            kind = type(crops).__name__
            raise UserError(f"faces wants a list of images, not one ({kind}); give [face], or call photo for a photo")
        faces, whole = [], []
        for number, crop in enumerate(crops):
            try:
                pixels = load_image(crop)
            except UserError as error:
                raise UserError(f"faces[{number}]: {error}") from error
            faces.append(to_face(pixels, self.classifier.face_size))
            whole.append(Detection((0, 0, pixels.shape[1], pixels.shape[0])))
        return self._read(faces, whole)

    def video(self, source: str | Path, smoothing: Smoothing | None = None) -> Iterator[Frame]:
        """The faces of every frame of a video file, in order, people followed and emotions smoothed over time.

        Args:
            source: the file.
            smoothing: how to follow and smooth; by default as the command ``fer video`` does.

        Yields:
            A ``Frame`` with ``index``, ``time`` in seconds, ``image`` and ``faces``; one is in memory at a time.

        Raises:
            UserError: in one line, when the file is no video, and after the last frame where it ends early.
        """
        return read_video(self, source, smoothing)

    def _read(self, faces: list[np.ndarray], detections: list[Detection]) -> list[Face]:
        if not faces:
            return []
        batch = np.stack(faces)
        probabilities = self.classifier.predict(batch)
        classes = self.classifier.classes
        measured = properties_of(self.classifier.card, batch)
        reasons = doubts(self.classifier.card, measured, probabilities, detections)
        return [
            Face(
                box=detection.box,
                probabilities=dict(zip(classes, row.tolist(), strict=True)),
                emotion=classes[int(row.argmax())],
                doubts=why,
                score=detection.score,
                landmarks=detection.landmarks,
                properties=properties,
            )
            for detection, row, why, properties in zip(detections, probabilities, reasons, measured, strict=True)
        ]


def _is_one_image(crops: Any) -> bool:
    """Whether an array is the pixels of one image: its rows would be read as faces."""
    shape: tuple[int, ...] = getattr(crops, "shape", ())
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in {3, 4})
