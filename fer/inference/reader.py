"""One object from pixels to people: detect, align, classify, doubt."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer.inference.alignment import aligned_face
from fer.inference.classifier import RELEASED, Classifier
from fer.inference.detection import Box, CascadeDetector, Detection, Detector
from fer.inference.faces import Face, Photo
from fer.inference.image import load_image, to_face
from fer.inference.trust import doubts


class Reader:
    """Finds the faces of an image and reads their emotions; may be shared by threads.

    Args:
        model: a folder with ``model.onnx`` and ``card.json``; by default the model in the package.
        detector: finds the faces.
        threads: of one call of the classifier; ONNX Runtime's choice by default.

    Raises:
        UserError: when the folder holds no usable model.
    """

    def __init__(
        self, model: str | Path = RELEASED, detector: Detector | None = None, threads: int | None = None
    ) -> None:
        self.classifier = Classifier(Path(model), threads)
        self.detector = detector or CascadeDetector()

    def photo(self, image: str | Path | bytes | np.ndarray, boxes: Sequence[Box] | None = None) -> Photo:
        """The faces of one image, the largest first.

        Args:
            image: a file, its bytes, or uint8 ``[H, W]`` or ``[H, W, 3]`` BGR pixels.
            boxes: faces that the caller found; in their order. By default the detector looks.

        Raises:
            UserError: when the image cannot be read.
        """
        name = Path(image).name if isinstance(image, str | Path) else None
        pixels = load_image(image)
        found = self.detector.detect(pixels) if boxes is None else [Detection(box) for box in boxes]
        faces = self._read([aligned_face(pixels, detection) for detection in found], found)
        detector = self.detector.name if boxes is None else "given"
        return Photo(pixels.shape[1], pixels.shape[0], detector, tuple(faces), name)

    def faces(self, crops: Sequence[np.ndarray]) -> list[Face]:
        """Every crop read as one face, in order.

        Args:
            crops: uint8 ``[H, W]`` or ``[H, W, 3]`` BGR images that show one face each.
        """
        whole = [Detection((0, 0, image.shape[1], image.shape[0])) for image in crops]
        return self._read([to_face(image) for image in crops], whole)

    def _read(self, faces: list[np.ndarray], detections: list[Detection]) -> list[Face]:
        if not faces:
            return []
        batch = np.stack(faces)
        probabilities = self.classifier.predict(batch)
        classes = self.classifier.classes
        reasons = doubts(self.classifier.card, batch, probabilities, detections)
        return [
            Face(
                box=detection.box,
                probabilities=dict(zip(classes, row.tolist(), strict=True)),
                emotion=classes[int(row.argmax())],
                doubts=why,
                score=detection.score,
                landmarks=detection.landmarks,
            )
            for detection, row, why in zip(detections, probabilities, reasons, strict=True)
        ]
