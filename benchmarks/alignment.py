"""The framing of the faces: ``python benchmarks/alignment.py DATASET_FOLDER [faces]``.

Faces of a data set's test split are pasted, enlarged to 96 to 300 pixels, into cluttered pictures; they are found,
aligned and classified by the released model, and compared with what the model says of the 48x48 faces themselves: share
found, accuracy on those found, and how many get the same label; upright and turned, and by other framings.
Then how many faces keep their label when they are given at 48, 32, 24 and 16 pixels.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fer.data.dataset import FaceDataset
from fer.inference.alignment import FRAME, aligned_face, square
from fer.inference.classifier import Classifier
from fer.inference.detection import Box, Detection, Detector, open_detector
from fer.inference.resize import to_face

SIZE = (480, 640)
SIDES = (96, 300)
TURNS = (0, 20, 10, 30)


def clutter(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture without a face, uint8 ``[H, W, 3]``: soft patches, a gradient, stripes, shapes and noise."""
    height, width = size
    cells = int(rng.integers(3, 40))
    patches = rng.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
    picture = cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 80)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    picture += rng.uniform(0, 50) * np.sin(2 * np.pi * along / period)[..., None]
    picture += rng.uniform(-0.2, 0.2) * (rows - height / 2)[..., None]
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 25))):
        centre = int(rng.integers(width)), int(rng.integers(height))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        axes = int(rng.integers(5, 120)), int(rng.integers(5, 120))
        if rng.random() < 0.5:
            cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            corner = centre[0] + axes[0], centre[1] + axes[1]
            cv2.rectangle(picture, centre, corner, colour, int(rng.integers(-1, 6)) or -1)
    noise = rng.normal(0, rng.uniform(0, 8), picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def pasted(face: np.ndarray, rng: np.random.Generator, degrees: float = 0.0) -> tuple[np.ndarray, Box]:
    """A cluttered picture with a face in it, and the face's place; turned clockwise around its centre."""
    picture = clutter(rng)
    side = round(float(np.exp(rng.uniform(*np.log(SIDES)))))
    left, top = (int(rng.integers(0, room - side + 1)) for room in (SIZE[1], SIZE[0]))
    # OpenCV turns counter-clockwise; half pixels: centres of pixels go to centres of pixels.
    turn = cv2.getRotationMatrix2D((23.5, 23.5), -degrees, side / 48)
    turn[:, 2] += (left + side / 2 - 24, top + side / 2 - 24)
    place = {"dsize": SIZE[::-1], "flags": cv2.INTER_CUBIC}
    large = cv2.warpAffine(face, turn, borderMode=cv2.BORDER_REPLICATE, **place)
    covers = cv2.warpAffine(np.full_like(face, 255), turn, borderMode=cv2.BORDER_CONSTANT, **place)
    picture[covers > 127] = large[covers > 127, None]
    return picture, (left, top, side, side)


def found(detector: Detector, picture: np.ndarray, place: Box) -> Detection | None:
    """The detection of the pasted face."""
    left, top, side, _ = place
    for detection in detector.detect(picture):
        x, y, width, height = detection.box
        if abs(x + width / 2 - left - side / 2) < side / 3 and abs(y + height / 2 - top - side / 2) < side / 3:
            return detection
    return None


#: Framings that are compared: a detection's face, by name.
FRAMINGS: dict[str, Callable[[np.ndarray, Detection], np.ndarray]] = {
    "aligned_face": aligned_face,
    "the same, not turned": lambda picture, face: to_face(
        square(picture, middle(face.box), FRAME * float(np.sqrt(face.box[2] * face.box[3])))
    ),
    "the box, squashed": lambda picture, face: to_face(inside(picture, face.box)),
}


def middle(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def inside(picture: np.ndarray, box: Box) -> np.ndarray:
    left, top, width, height = box
    return picture[max(top, 0) : top + height, max(left, 0) : left + width]


def compare(faces: np.ndarray, labels: np.ndarray, classifier: Classifier, detector: Detector, degrees: int) -> None:
    """One row for every framing of the faces found, turned by so many degrees to either side."""
    rng = np.random.default_rng(degrees)
    framed: dict[str, list[np.ndarray]] = {name: [] for name in FRAMINGS}
    seen = []
    for number, face in enumerate(faces):
        picture, place = pasted(face, rng, degrees * (-1) ** number)
        if (detection := found(detector, picture, place)) is not None:
            seen.append(number)
            for name, framing in FRAMINGS.items():
                framed[name].append(framing(picture, detection))
    plain = classifier.predict(faces[seen]).argmax(axis=1)
    right = 100 * np.mean(plain == labels[seen])
    for name, crops in framed.items():
        labelled = classifier.predict(np.stack(crops)).argmax(axis=1)
        print(
            f"{detector.name}, {degrees:2d} degrees, {name:22s} found {100 * len(seen) / len(faces):5.1f} %  "
            f"accuracy {100 * np.mean(labelled == labels[seen]):5.1f} % (as given {right:5.1f} %)  "
            f"same label {100 * np.mean(labelled == plain):5.1f} %",
            flush=True,
        )


def shrunk(faces: np.ndarray, labels: np.ndarray, classifier: Classifier) -> None:
    """Faces given at fewer pixels."""
    plain = classifier.predict(faces).argmax(axis=1)
    for side in (48, 32, 24, 16):
        small = [cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in faces]
        labelled = classifier.predict(np.stack([to_face(face) for face in small])).argmax(axis=1)
        same, right = 100 * np.mean(labelled == plain), 100 * np.mean(labelled == labels)
        print(f"given at {side} pixels: same label {same:5.1f} %, accuracy {right:5.1f} %", flush=True)


def main(folder: Path, most: int | None = None) -> None:
    dataset = FaceDataset.load(folder)
    classifier = Classifier()
    rows = np.flatnonzero((dataset.table["split"] == "test").to_numpy())
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    faces = dataset.images[rows]
    labels = np.array([classifier.classes.index(name) for name in dataset.table["emotion"].iloc[rows]])
    print(f"{len(faces)} faces of {dataset.name}'s test split, model {classifier.card.architecture}")
    shrunk(faces, labels, classifier)
    for degrees in TURNS:
        for name in ("yunet", "cascade"):
            compare(faces, labels, classifier, open_detector(name), degrees)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else None)
