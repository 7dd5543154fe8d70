"""Cascade against YuNet on a folder of photos: ``python benchmarks/detection.py FOLDER [PICTURES]``.

Every photo is searched as it is, at long sides of 640 to 4000 pixels, turned by 20 degrees, and for faces of 24 pixels
and more. A row says how many boxes there are, how many photos have none, and the processor's seconds a photo. ``whole``
is a search of all pixels, as OpenCV's examples do it. Into the folder PICTURES, where one is named, go the photos with
their boxes: red is the cascade's, green YuNet's.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from fer.errors import UserError
from fer.inference import detection
from fer.inference.detection import Detection, Detector, open_detector
from fer.inference.formats import SUFFIXES
from fer.inference.image import load_image

SIDES = (640, 1280, 2560, 4000)
#: Photos that are enlarged and turned; the largest files first.
MOST = 16


def photos(folder: Path) -> dict[str, np.ndarray]:
    """The photos of a folder and those below it, by path."""
    found = {}
    for path in sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES):
        try:
            found[str(path.relative_to(folder))] = load_image(path)
        except UserError as error:
            print(error, file=sys.stderr)
    return found


def enlarged(image: np.ndarray, side: int) -> np.ndarray:
    scale = side / max(image.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=way)


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    return cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


@contextmanager
def whole() -> Iterator[None]:
    """Searches of all pixels."""
    bounded, detection.SEARCH_SIDE = detection.SEARCH_SIDE, 10**9
    try:
        yield
    finally:
        detection.SEARCH_SIDE = bounded


def measure(name: str, detector: Detector, images: list[np.ndarray]) -> list[list[Detection]]:
    used = time.process_time()
    found = [detector.detect(image) for image in images]
    used = (time.process_time() - used) / len(images)
    empty = sum(not faces for faces in found)
    print(f"{name:32s} {sum(map(len, found)):4d} boxes, {empty:3d} without, {used:6.3f} s CPU a photo", flush=True)
    return found


def draw(folder: Path, name: str, image: np.ndarray, cascade: list[Detection], yunet: list[Detection]) -> None:
    picture = image.copy()
    for faces, colour in ((cascade, (0, 0, 255)), (yunet, (0, 255, 0))):
        for face in faces:
            left, top, width, height = face.box
            cv2.rectangle(picture, (left, top), (left + width, top + height), colour, max(1, max(picture.shape) // 300))
    cv2.imwrite(str(folder / f"{name.replace('/', '_')}.png"), enlarged(picture, 400))


def main(folder: Path, pictures: Path | None) -> None:
    detectors = {name: open_detector(name) for name in ("cascade", "yunet")}
    images = photos(folder)
    some = sorted(images.values(), key=lambda image: -image.size)[:MOST]
    print(f"{len(images)} photos as they are")
    found = {name: measure(name, detector, list(images.values())) for name, detector in detectors.items()}
    for side in SIDES:
        print(f"{len(some)} photos at a long side of {side}")
        large = [enlarged(image, side) for image in some]
        for name, detector in detectors.items():
            measure(name, detector, large)
        with whole():
            for name, detector in detectors.items():
                measure(f"{name}, whole", detector, large)
    print("all photos, turned by 20 degrees")
    for name, detector in detectors.items():
        measure(name, detector, [turned(image, 20) for image in images.values()])
    print(f"{len(some)} photos at a long side of 4000, faces of 24 pixels and more")
    for name in detectors:
        measure(name, open_detector(name, min_face=24), large)
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for (name, image), cascade, yunet in zip(images.items(), found["cascade"], found["yunet"], strict=True):
            draw(pictures, name, image, cascade, yunet)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None)
