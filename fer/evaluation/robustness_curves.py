"""Accuracy by the strength of a change: what ``fer.evaluation.robustness`` changes, from none to too much."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.intervals import mean_interval
from fer.evaluation.robustness import Change, blur, jpeg, light, noise, small, turn
from fer.inference.runtime import onnx_predict

#: Test faces behind a curve: an accuracy within 6 points (95 %), and every strength on the same faces.
FACES = 300
#: Side in pixels of the faces whose blur is told; larger faces are blurred as much more.
TOLD = 48


@dataclass(frozen=True)
class Series:
    """One kind of change at several strengths.

    Attributes:
        axis: what the strength is, with its unit.
        unchanged: the strength that changes nothing; None where that is the side of the faces.
        strengths: of the changes.
        change: makes the change of a strength for faces of a side in pixels.
    """

    axis: str
    unchanged: float | None
    strengths: tuple[float, ...]
    change: Callable[[float, int], Change]

    def points(self, side: int) -> list[tuple[float, Change]]:
        """Strengths and changes for faces of a side in pixels, ascending; that without a change is left out."""
        # Nothing is made small by enlarging it.
        strengths = [one for one in self.strengths if self.unchanged is not None or one < side]
        return [(one, self.change(one, side)) for one in strengths]


#: By the name of the kind.
SERIES = {
    "blur": Series(
        "standard deviation, pixels of 48", 0, (0.5, 1, 1.5, 2, 3), lambda sigma, side: blur(sigma * side / TOLD)
    ),
    "noise": Series("standard deviation, grey values", 0, (5, 10, 20, 30, 40), lambda deviation, _: noise(deviation)),
    "light": Series("gain", 1, (0.3, 0.5, 0.75, 1.25, 1.5, 2), lambda gain, _: light(gain)),
    "rotation": Series("degrees", 0, (-30, -20, -10, 10, 20, 30), lambda degrees, _: turn(degrees)),
    "JPEG": Series("quality", 100, (5, 10, 30, 50, 80), lambda quality, _: jpeg(int(quality))),
    "size": Series("side of the face, pixels", None, (8, 12, 16, 24, 32), lambda pixels, _: small(int(pixels))),
}


def curve_rows(dataset: FaceDataset) -> np.ndarray:
    """int64 row numbers of at most ``FACES`` test faces, spread evenly, the same for every model."""
    return dataset.some_rows("test", FACES)


def robustness_curves(model: Path, faces: np.ndarray, labels: np.ndarray, resamples: int, seed: int) -> pd.DataFrame:
    """A model's accuracy under every kind of change at every strength.

    Args:
        model: an ONNX file.
        faces: uint8 ``[N, S, S]``, of the size that it takes; one at least.
        labels: int ``[N]``, codes.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Columns ``change`` (the kind), ``strength``, ``images``, ``accuracy``, ``low`` and ``high`` (0 to 1, the 95 %
        bootstrap interval), strengths ascending, among them the one that changes nothing.
    """
    side = faces.shape[1]
    plain = _right(model, faces, labels)
    rows = []
    for kind, series in SERIES.items():
        points = series.points(side)
        changed = np.concatenate([change(faces) for _, change in points])
        right = _right(model, changed, np.tile(labels, len(points))).reshape(len(points), len(faces))
        unchanged = float(side) if series.unchanged is None else series.unchanged
        told = [(unchanged, plain), *((strength, row) for (strength, _), row in zip(points, right, strict=True))]
        rows += [
            (kind, strength, len(faces), *mean_interval(row, resamples, seed))
            for strength, row in sorted(told, key=lambda one: one[0])
        ]
    return pd.DataFrame(rows, columns=["change", "strength", "images", "accuracy", "low", "high"])


def _right(model: Path, faces: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether the model reads every face rightly: bool ``[N]``."""
    return onnx_predict(model, faces).argmax(axis=1) == labels
