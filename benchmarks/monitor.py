"""How often the monitor alarms: ``python benchmarks/monitor.py CHAMPION DATASET_FOLDER [windows]``.

The reference is made of the validation split, as promotion makes it. Windows are drawn from the test split, with
replacement, which no training has seen: windows that are like the reference, which should not alarm, and windows of
drifted images, which should. Each has as many faces as ``monitor.window`` of params.yaml says, and for false alarms as
few as ``monitor.least`` too. Beside each drift stands what it costs in accuracy, and then what a record costs in time.
Run in the project's folder; the champion is a folder with ``model.onnx`` and ``card.json``.
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
from fer.data.nonfaces import draw_nonfaces
from fer.inference.classifier import Card
from fer.inference.reader import Reader
from fer.inference.trust import properties_of
from fer.monitoring.comparison import compare
from fer.monitoring.records import Record, table_of
from fer.monitoring.reference import load_reference, records_by, write_reference
from fer.params import load_params
from fer.serving.records import record
from fer.serving.settings import Settings

Drift = Callable[[np.ndarray], np.ndarray]


def darker(share: float) -> Drift:
    return lambda faces: (faces * (1 - share)).astype(np.uint8)


def blurred(sigma: float) -> Drift:
    return lambda faces: np.stack([cv2.GaussianBlur(face, (0, 0), sigma) for face in faces])


def without_faces(share: float) -> Drift:
    """Noise, patterns, shapes and spoiled faces in place of the last ones."""

    def change(faces: np.ndarray) -> np.ndarray:
        kept = round((1 - share) * len(faces))
        return np.concatenate([faces[:kept], draw_nonfaces(faces, len(faces) - kept, seed=0)])

    return change


#: What becomes of a window's faces.
DRIFTS: dict[str, Drift] = {
    "darker by 5 %": darker(0.05),
    "darker by 10 %": darker(0.1),
    "darker by 20 %": darker(0.2),
    "darker by 33 %": darker(0.33),
    "blurred, sigma 0.4": blurred(0.4),
    "blurred, sigma 0.5": blurred(0.5),
    "blurred, sigma 0.7": blurred(0.7),
    "blurred, sigma 1": blurred(1.0),
    "5 % are no faces": without_faces(0.05),
    "10 % are no faces": without_faces(0.1),
    "20 % are no faces": without_faces(0.2),
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
    rows = rng.permutation(rows)
    faces, labels = np.asarray(dataset.images[rows]), np.asarray(dataset.table["emotion"])[rows]
    print(
        f"{dataset.name}, {card.architecture}: {len(reference)} in the reference, {len(rows)} test faces, "
        f"windows of {settings.window}"
    )
    plain = table(champion, faces)
    right = (plain["emotion"] == labels).mean()

    def tell(what: str, records: pd.DataFrame, pool: np.ndarray, size: int, note: str = "") -> None:
        count, names = 0, Counter[str]()
        for _ in range(windows):
            findings = compare(reference, records.iloc[rng.choice(pool, size)], settings)
            drifted = [finding.name for finding in findings if finding.drifted]
            count += bool(drifted)
            names.update(drifted)
        by = ", ".join(f"{name} {number}" for name, number in names.most_common())
        print(f"{what:22s} {count:4d} of {windows} windows alarm{note}; {by}", flush=True)

    every = np.arange(len(faces))
    tell("like the reference", plain, every, settings.window)
    tell(f"like it, {settings.least} faces", plain, every, settings.least)
    for name, change in DRIFTS.items():
        changed = table(champion, change(faces))
        lost = "" if "no faces" in name else f", accuracy {(changed['emotion'] == labels).mean() - right:+.3f}"
        tell(name, changed, every, settings.window, lost)
    for emotion in ("happy", "sad"):
        some, rest = (np.flatnonzero((labels == emotion) == is_it) for is_it in (True, False))
        for share in (0.4, 0.5):
            pool = np.concatenate([np.resize(some, int(20_000 * share)), np.resize(rest, int(20_000 * (1 - share)))])
            tell(f"{share:.0%} {emotion}".replace("%", " %"), plain, pool, settings.window)
    tell_cost(champion, card, faces[:1000])


def tell_cost(champion: Path, card: Card, faces: np.ndarray) -> None:
    """CPU time of what is measured of a face, and of its record."""
    read = Reader(champion, detector="cascade").faces(list(faces))
    start = time.process_time()
    properties_of(card, faces)
    measured = time.process_time() - start
    with TemporaryDirectory() as kept:
        settings = Settings(monitor=Path(kept))
        record(settings, "classify", card.version, read[:1])
        start = time.process_time()
        for face in read:
            record(settings, "classify", card.version, [face])
        alone = time.process_time() - start
        start = time.process_time()
        record(settings, "classify", card.version, read)
        together = time.process_time() - start
    of = 1000 / len(faces)
    print(f"CPU a face: measured {measured * of:.3f} ms; recorded {alone * of:.3f} ms, {together * of:.3f} ms of many")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
