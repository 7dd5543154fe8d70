"""From an image file's bytes to a grey face: the whole image, a box of it, or the face that the detector finds."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from fer.errors import UserError
from fer.inference.alignment import aligned_face
from fer.inference.detection import Detection, Detector, open_detector
from fer.inference.image import load_image
from fer.inference.resize import to_face

#: Netpbm, which scientific data sets use and no browser shows; OpenCV reads it.
_NETPBM = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")

#: left, top, right and bottom in pixels.
Edges = tuple[int, int, int, int]


@dataclass
class FaceReader:
    """Reads faces of one size.

    Attributes:
        size: side of the faces, in pixels.
        find_faces: whether images are photos, of which the largest face is taken, framed as the service frames it.
        sides: widths and heights of the images that were read, one by one; none of photos.
        several: images in which more than one face was found.
    """

    size: int
    find_faces: bool = False
    sides: list[tuple[int, int]] = field(default_factory=list)
    several: int = 0
    _detector: Detector | None = None

    def read(self, data: bytes, box: Edges | None = None) -> np.ndarray | None:
        """The face of one image file: uint8 ``[size, size]``, or None where none was found.

        Args:
            data: of the file; of an animation the first picture is read. Turned upright by its EXIF tag.
            box: where the face is; by default the whole image, or where the detector finds it.

        Raises:
            UserError: for bytes that are no image, a damaged or a too large one, or a box outside of it.
        """
        image = _netpbm(data) if data.startswith(_NETPBM) else load_image(data)
        if box is not None:
            left, top, right, bottom = box
            image = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
            if not image.size:
                raise UserError(f"the box {box} lies outside of it; mend it")
        elif self.find_faces:
            return self._largest(image)
        self.sides.append((image.shape[1], image.shape[0]))
        return to_face(image, self.size)

    def _largest(self, photo: np.ndarray) -> np.ndarray | None:
        found = self.detector.detect(photo)
        self.several += len(found) > 1
        return aligned_face(photo, max(found, key=_area), self.size) if found else None

    @property
    def detector(self) -> Detector:
        """Opened when it is first needed."""
        self._detector = self._detector or open_detector()
        return self._detector

    def told(self) -> list[str]:
        """What is to be said of the images' sizes and faces."""
        said = []
        others = sorted(set(self.sides) - {(self.size, self.size)}, key=lambda side: side[0] * side[1])
        if others:
            smallest, largest = (f"{width}x{height}" for width, height in (others[0], others[-1]))
            span = smallest if smallest == largest else f"{smallest} to {largest}"
            said.append(f"resized to {self.size}x{self.size} pixels (data.image_size) from {span}")
        if self._detector:
            several = (
                f"; {self.several} images have more than one face, and the largest was taken" if self.several else ""
            )
            said.append(f"faces found and framed by {self._detector.name}{several}")
        return said


def _area(detection: Detection) -> int:
    return detection.box[2] * detection.box[3]


def _netpbm(data: bytes) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise UserError("a Netpbm image that cannot be decoded; save it as PNG")
    return image
