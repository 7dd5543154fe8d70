"""When the released model says that it is certain: ``python benchmarks/trust.py DATASET_FOLDER [PHOTO_FOLDER]``.

On the test split of an ingested FER-2013: how many predictions are certain, and how many of those are right, in all, by
class and by tenth of probability; how many faces each reason doubts. On images that are no faces: the share that is
certain. They are drawn here, by other means than those that the face check was fitted to; with a folder of photos, 200
patches away from every face in them too, and what the cascade boxes there. Then the time of ``doubts``, per face.
Finding the faces in photos needs YuNet. Run in the project's folder.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from fer.data.dataset import FaceDataset
from fer.inference.alignment import aligned_face
from fer.inference.classifier import Classifier
from fer.inference.detection import Detection, open_detector
from fer.inference.face_size import FACE_SIZE
from fer.inference.faces import Doubt
from fer.inference.resize import to_face
from fer.inference.trust import doubts, properties_of

COUNT, SIDES = 200, (48, 64, 96, 160, 224)
#: Share of its side by which a face is widened before a patch may lie beside it.
AWAY = 0.3


def noise(rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """White, coloured, salt-and-pepper and 1/f, a quarter of COUNT each, as images of many sizes."""
    images: dict[str, list[np.ndarray]] = {"white": [], "coloured": [], "salt and pepper": [], "1/f": []}
    for _ in range(COUNT // 4):
        side = int(rng.choice(SIDES))
        images["white"].append(np.clip(rng.normal(128, rng.uniform(10, 80), (side, side)), 0, 255))
        images["coloured"].append(rng.integers(0, 256, (side, side, 3)))
        images["salt and pepper"].append(rng.choice([0, 128, 255], (side, side), p=[0.1, 0.8, 0.1]))
        cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))) + 1 / side
        pink = np.fft.ifft2(np.fft.fft2(rng.normal(size=(side, side))) / cycles).real
        images["1/f"].append(np.clip(128 + 50 * pink / pink.std(), 0, 255))
    return images


def patterns(rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Chequers, stripes, gradients and text, a quarter of COUNT each; and every grey level."""
    images: dict[str, list[np.ndarray]] = {"chequer": [], "stripes": [], "gradient": [], "text": []}
    for _ in range(COUNT // 4):
        side = int(rng.choice(SIDES))
        across, (dark, light) = np.arange(side), rng.integers(0, 256, 2)
        bars = across // int(rng.integers(2, side // 2)) % 2
        images["chequer"].append(np.where(bars[:, None] ^ bars, dark, light))
        slanted = (across[:, None] * rng.uniform(-1, 1) + across) // rng.uniform(3, side / 3) % 2
        images["stripes"].append(np.where(slanted > 0, dark, light))
        images["gradient"].append(np.linspace(dark, light, side) * np.linspace(1, rng.uniform(0.2, 1), side)[:, None])
        page = np.full((side, side), 255, np.uint8)
        for line in range(3):
            words = "".join(rng.choice(list("The quick brown fox jumps"), 9))
            cv2.putText(page, words, (0, (line + 1) * side // 4), cv2.FONT_HERSHEY_SIMPLEX, side / 120, (0,), 1)
        images["text"].append(page)
    return images | {"blank": [np.full((48, 48), level) for level in range(256)]}


def as_faces(images: Iterable[np.ndarray]) -> np.ndarray:
    return np.stack([to_face(np.asarray(image).astype(np.uint8)) for image in images])


def from_photos(folder: Path, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, list[Detection | None]]]:
    """The faces, and crops away from them: random ones, ones with structure, and what the cascade takes for faces."""
    yunet, cascade = open_detector("yunet"), open_detector("cascade")
    found: dict[str, list[tuple[np.ndarray, Detection | None]]] = {
        name: [] for name in ("faces", "patches", "structured patches", "boxed by the cascade")
    }
    for path in sorted(folder.rglob("*")):
        image = cv2.imread(str(path)) if path.is_file() else None
        if image is None:
            continue
        detections = yunet.detect(image)
        found["faces"] += [(aligned_face(image, detection), detection) for detection in detections]
        height, width = image.shape[:2]
        for _ in range(40):
            side = int(np.exp(rng.uniform(np.log(24), np.log(max(25, 0.6 * min(height, width))))))
            if side >= min(height, width):
                continue
            box = (int(rng.integers(width - side)), int(rng.integers(height - side)), side, side)
            if not near(box, detections):
                left, top = box[:2]
                patch = to_face(image[top : top + side, left : left + side])
                found["structured patches" if patch.std() > 25 else "patches"].append((patch, Detection(box)))
        boxed = [box for box in cascade.detect(image) if not near(box.box, detections)]
        found["boxed by the cascade"] += [(aligned_face(image, box), box) for box in boxed]
    large = [(face, box) for face, box in found["faces"] if box and box.side >= FACE_SIZE]
    chosen = {
        "faces": found["faces"],
        "faces of 48 pixels and more": large,
        "boxed by the cascade": found["boxed by the cascade"],
    }
    structured = found["structured patches"]
    for name, cut in (("patches", found["patches"] + structured), ("structured patches", structured)):
        chosen[name] = [cut[number] for number in rng.permutation(len(cut))[:COUNT]]
    return {
        name: (np.stack([face for face, _ in rows]), [box for _, box in rows]) for name, rows in chosen.items() if rows
    }


def near(box: tuple[int, int, int, int], faces: list[Detection]) -> bool:
    left, top, width, height = box
    for x, y, w, h in (face.box for face in faces):
        across = left < x + w * (1 + AWAY) and x - w * AWAY < left + width
        if across and top < y + h * (1 + AWAY) and y - h * AWAY < top + height:
            return True
    return False


def judge(
    classifier: Classifier, faces: np.ndarray, detections: list[Detection | None] | None = None
) -> tuple[np.ndarray, list[tuple[Doubt, ...]]]:
    """Probabilities and doubts."""
    batches = [classifier.predict(faces[start : start + 256]) for start in range(0, len(faces), 256)]
    probabilities = np.concatenate(batches)
    return probabilities, doubts(
        classifier.card, properties_of(classifier.card, faces), probabilities, detections or [None] * len(faces)
    )


def share(members: np.ndarray) -> str:
    return f"{members.mean():.3f} of {len(members)}" if len(members) else "none"


def reasons(why: list[tuple[Doubt, ...]]) -> str:
    counts = Counter(reason for row in why for reason in row)
    evidence = [reason for reason in Doubt if reason is not Doubt.PROBABILITY]
    some = np.mean([any(reason in row for reason in evidence) for row in why])
    return ", ".join(f"{reason} {counts[reason] / len(why):.3f}" for reason in evidence) + f"; any {some:.3f}"


def main(dataset_folder: Path, photos: Path | None) -> None:
    classifier, dataset, rng = Classifier(), FaceDataset.load(dataset_folder), np.random.default_rng(2024)
    rows = dataset.rows("test")
    faces = np.asarray(dataset.images[rows])
    probabilities, why = judge(classifier, faces)
    certain = np.array([not row for row in why])
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = predicted == dataset.labels[rows]
    print(
        f"test faces: {certain.mean():.3f} of {len(faces)} certain; right {share(right[certain])}, all {share(right)}"
    )
    for code, name in enumerate(dataset.classes):
        print(f"  {name}: certain and right {share(right[certain & (predicted == code)])}")
    for low in range(10):
        band = certain & (confidence >= low / 10) & (confidence < (low + 1) / 10 + (low == 9))
        if band.any():
            print(f"  probability {low / 10:.1f} to {(low + 1) / 10:.1f}: right {share(right[band])}")
    print(f"  doubted: {reasons(why)}")
    for kind, drawn in (("noise", noise(rng)), ("patterns", patterns(rng))):
        verdicts = {
            name: np.array([not row for row in judge(classifier, as_faces(rows))[1]]) for name, rows in drawn.items()
        }
        print(f"{kind}, certain: {share(np.concatenate(list(verdicts.values())))}")
        print("  " + ", ".join(f"{name} {share(members)}" for name, members in verdicts.items()))
    for name, (crops, detections) in (from_photos(photos, rng) if photos else {}).items():
        why = judge(classifier, crops, detections)[1]
        print(f"photos, {name}, certain: {share(np.array([not row for row in why]))}; doubted: {reasons(why)}")
    start = time.process_time()
    doubts(classifier.card, properties_of(classifier.card, faces[:1024]), probabilities[:1024], [None] * 1024)
    print(f"doubts: {1000 * (time.process_time() - start) / 1024:.3f} ms of CPU per face")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
