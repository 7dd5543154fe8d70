"""How often the monitor alarms: ``python benchmarks/monitor.py CHAMPION DATASET_FOLDER [windows]``.

The reference is made of the validation split, as promotion makes it. Windows are drawn from the test split, with
replacement, which no training has seen: windows that are like the reference, which should not alarm, and windows of
drifted images, which should. Each has as many faces as ``monitor.window`` of params.yaml says. Then the time of a
record. Run in the project's folder; the champion is a folder with ``model.onnx`` and ``card.json``.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.inference.classifier import Card, Classifier
from fer.inference.reader import Reader
from fer.inference.records import record_of
from fer.inference.trust import properties_of
from fer.monitoring.comparison import compare
from fer.monitoring.records import Record, table_of
from fer.monitoring.reference import load_reference, records_by, write_reference
from fer.params import load_params

Drift = Callable[[np.ndarray], np.ndarray]


def noise(faces: np.ndarray) -> np.ndarray:
    """No faces at all, in place of the last tenth."""
    rest = faces[: -max(1, len(faces) // 10)]
    drawn = np.random.default_rng(0).integers(0, 256, (len(faces) - len(rest), *faces.shape[1:]), dtype=np.uint8)
    return np.concatenate([rest, drawn])


#: What becomes of a window's faces.
DRIFTS: dict[str, Drift] = {
    "darker by a third": lambda faces: (faces * 0.67).astype(np.uint8),
    "darker by a fifth": lambda faces: (faces * 0.8).astype(np.uint8),
    "blurred by 1 pixel": lambda faces: np.stack([cv2.GaussianBlur(face, (0, 0), 1.0) for face in faces]),
    "a tenth is noise": noise,
}


def table(champion: Path, faces: np.ndarray) -> pd.DataFrame:
    """The records of faces, as the monitor reads them."""
    content = records_by(champion, faces).astype(object)
    rows = content.where(content.notna(), None).to_dict("records")
    return table_of([Record.model_validate(row) for row in rows])


def main(champion: Path, folder: Path, windows: int = 500) -> None:
    settings, dataset, card = load_params().monitor, FaceDataset.load(folder), Card.load(champion)
    with TemporaryDirectory() as scratch:
        reference = load_reference(write_reference(Path(scratch) / "reference.parquet", champion, dataset), card)
    rows, rng = dataset.rows("test"), np.random.default_rng(0)
    faces, labels = np.asarray(dataset.images[rows]), dataset.labels[rows]
    print(
        f"{dataset.name}, {card.architecture}: {len(reference)} in the reference, {len(rows)} test faces, "
        f"windows of {settings.window}"
    )
    plain = table(champion, faces)

    def alarms(records: pd.DataFrame, pool: np.ndarray) -> tuple[int, Counter[str]]:
        count, names = 0, Counter[str]()
        for _ in range(windows):
            window = records.iloc[rng.choice(pool, settings.window)]
            drifted = [finding.name for finding in compare(reference, window, settings) if finding.drifted]
            count += bool(drifted)
            names.update(drifted)
        return count, names

    def tell(what: str, counted: tuple[int, Counter[str]]) -> None:
        names = ", ".join(f"{name} {number}" for name, number in counted[1].most_common())
        print(f"{what:24s} {counted[0]:4d} of {windows} windows alarm  {names}", flush=True)

    every = np.arange(len(faces))
    tell("like the reference", alarms(plain, every))
    for name, change in DRIFTS.items():
        tell(name, alarms(table(champion, change(faces)), every))
    happy = np.flatnonzero(labels == dataset.classes.index("happy"))
    mixed = np.concatenate([every, np.repeat(happy, len(every) // len(happy))])
    tell("half of them happy", alarms(plain, mixed))

    reader, classifier, some = Reader(champion, detector="cascade"), Classifier(champion), faces[:1000]
    start = time.process_time()
    properties_of(classifier.card, some)
    measured = time.process_time() - start
    read = reader.faces(list(some[:200]))
    start = time.process_time()
    for face in read * 5:
        record_of(face, "classify", card.version)
    print(f"a face: properties {measured:.3f} ms, record {time.process_time() - start:.3f} ms of CPU")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:4]))
