"""How many pictures that are all face YuNet finds a face in: ``python benchmarks/small_faces.py DATASET``.

DATASET is a data set of 48x48 faces, whose test split is searched; pieces of scikit-learn's two photos, of a temple and
a flower, hold no face. Both are searched enlarged, as the reader does it, and as they are.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_sample_images

from fer.data.dataset import FaceDataset
from fer.inference import detection
from fer.inference.detection import YuNetDetector

#: Sides in pixels of the pieces before they are reduced to 48, and how many of each a photo gives.
SIDES, PIECES = (48, 96, 200, 400), 150


def pieces() -> list[np.ndarray]:
    """uint8 ``[48, 48, 3]``, BGR, each of a random place."""
    rng, found = np.random.default_rng(0), []
    for photo in load_sample_images().images:
        for side in SIDES:
            for _ in range(PIECES):
                top, left = (rng.integers(0, length - side) for length in photo.shape[:2])
                piece = photo[top : top + side, left : left + side, ::-1]
                found.append(cv2.resize(piece, (48, 48), interpolation=cv2.INTER_AREA))
    return found


def main(dataset: FaceDataset) -> None:
    detector = YuNetDetector()
    groups = {"test faces": list(np.asarray(dataset.images[dataset.rows("test")])), "pieces without a face": pieces()}
    for form, side in (("enlarged", detection.LEAST_LONG_SIDE), ("as they are", 1)):
        detection.LEAST_LONG_SIDE = side
        for name, images in groups.items():
            share = np.mean([bool(detector.detect(image)) for image in images])
            print(f"{len(images)} {name}, {form}: a face is found in {share:.2%}", flush=True)


if __name__ == "__main__":
    main(FaceDataset.load(Path(sys.argv[1])))
