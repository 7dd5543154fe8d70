"""This reader beside others on the same pictures: ``python benchmarks/readers.py DATASET NAME=PYTHON ... [faces]``.

Faces of a data set's test split are pasted into cluttered pictures (``benchmarks/alignment.py``), one in each; every
reader gets the same JPEG files. NAME is ``fer`` or ``deepface``, PYTHON the interpreter of an environment of its own
with that package installed; this one's reader comes first. Printed for each: seconds to import, pictures per second,
faces found, boxes elsewhere, how many of the found faces, and of those that every reader found, have the data set's
label, and the size of the environment. One core each, so that no pool of threads decides.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from alignment import pasted

from fer.data.dataset import FaceDataset

#: What each environment runs: it prints seconds to import, seconds to read, and the boxes and labels by picture.
WORKER = """
import json, sys, time
from pathlib import Path
start = time.perf_counter()
{load}
imported = time.perf_counter() - start
files = sorted(Path(sys.argv[1]).glob("*.jpg"))
read(files[0])
start = time.perf_counter()
found = [read(file) for file in files]
print(json.dumps([imported, time.perf_counter() - start, found]))
"""
OURS = """
from fer import Reader
reader = Reader(threads=1)
def read(file):
    return [[list(face.box), face.emotion] for face in reader.photo(file).faces]
"""
FER = """
import cv2
from fer.fer import FER
reader = FER(mtcnn={mtcnn})
def read(file):
    faces = reader.detect_emotions(cv2.imread(str(file)))
    return [[[int(side) for side in face["box"]], max(face["emotions"], key=face["emotions"].get)] for face in faces]
"""
DEEPFACE = """
from deepface import DeepFace
def read(file):
    faces = DeepFace.analyze(str(file), actions=["emotion"], enforce_detection=False, silent=True)
    faces = [face for face in faces if face["face_confidence"] > 0]
    return [[[face["region"][side] for side in "xywh"], face["dominant_emotion"]] for face in faces]
"""
OTHERS = {
    "fer": {"fer (cascade)": FER.format(mtcnn=False), "fer (mtcnn)": FER.format(mtcnn=True)},
    "deepface": {"deepface": DEEPFACE},
}
ONE_CORE = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


def run(python: str, load: str, folder: Path) -> tuple[float, float, list[list[tuple[list[int], str]]]] | str:
    """Seconds to import, seconds to read, and boxes and labels by picture; or why there are none."""
    command = [python, "-c", WORKER.format(load=load), str(folder)]
    if hasattr(os, "sched_getaffinity"):
        command = ["taskset", "-c", str(max(os.sched_getaffinity(0))), *command]
    # In a folder of its own: from here, `import fer` finds this project.
    done = subprocess.run(command, cwd=folder, env=os.environ | ONE_CORE, capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    imported, seconds, found = json.loads(done.stdout.strip().splitlines()[-1])
    return imported, seconds, found


def right_box(box: list[int], place: tuple[int, int, int, int]) -> bool:
    """Whether a box's centre lies in the middle of the pasted face."""
    return all(abs(box[at] + box[at + 2] / 2 - place[at] - place[2] / 2) < place[2] / 3 for at in (0, 1))


def labels_found(found: list[list[tuple[list[int], str]]], places: list[tuple[int, int, int, int]]) -> list[str | None]:
    """The label of every pasted face; None where it was not found."""
    return [
        next((label for box, label in boxes if right_box(box, place)), None)
        for boxes, place in zip(found, places, strict=True)
    ]


def megabytes(python: str) -> float:
    """The files of an interpreter's environment."""
    root = Path(python).parents[1]
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def main(folder: str, *arguments: str) -> None:
    pairs = [argument.partition("=") for argument in arguments if "=" in argument]
    count = next((int(argument) for argument in arguments if "=" not in argument), 400)
    dataset = FaceDataset.load(Path(folder))
    rng = np.random.default_rng(1)
    rows = rng.permutation(np.flatnonzero(dataset.table["split"] == "test"))[:count]
    labels = dataset.table["emotion"].to_numpy()[rows]
    readers = {"this reader": (sys.executable, OURS)}
    for name, _, python in pairs:
        readers |= {title: (python, load) for title, load in OTHERS[name].items()}
    with tempfile.TemporaryDirectory() as temporary:
        places = []
        for number, row in enumerate(rows):
            picture, place = pasted(np.asarray(dataset.images[row]), rng)
            cv2.imwrite(f"{temporary}/{number:05}.jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
            places.append(place)
        answers = {}
        for title, (python, load) in readers.items():
            answer = run(python, load, Path(temporary))
            if isinstance(answer, str):
                print(f"{title}: cannot be measured here: {answer}")
            else:
                answers[title] = answer
    print(f"{count} pictures of 640x480 pixels with one face each, 96 to 300 pixels wide; one core")
    print(f"{'':16}{'import s':>9}{'pictures/s':>11}{'found':>8}{'elsewhere':>10}{'right':>7}{'shared':>7}{'MB':>7}")
    seen = {title: labels_found(found, places) for title, (_, _, found) in answers.items()}
    shared = [all(labels_of[number] for labels_of in seen.values()) for number in range(count)]
    for title, (imported, seconds, found) in answers.items():
        hit = np.array([label is not None for label in seen[title]])
        right = np.array([label == truth for label, truth in zip(seen[title], labels, strict=True)])
        elsewhere = sum(len(boxes) for boxes in found) - int(hit.sum())
        print(
            f"{title:16}{imported:9.2f}{count / seconds:11.1f}{hit.mean():8.1%}{elsewhere:10}"
            f"{right[hit].mean():7.1%}{right[shared].mean():7.1%}{megabytes(readers[title][0]):7.0f}"
        )
    print(f"shared: the share of right labels on the {sum(shared)} faces that every reader found")


if __name__ == "__main__":
    main(*sys.argv[1:])
