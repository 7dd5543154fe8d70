"""The average face of every class, and what sets every two classes apart."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from matplotlib import colormaps
from sklearn.metrics import roc_auc_score

from fer.data.dataset import FaceDataset

#: Bands of a face by its height, as shares: where the largest difference of two averages lies, in words.
BANDS = {
    "forehead": (0.0, 0.25),
    "eyes and brows": (0.25, 0.5),
    "nose and cheeks": (0.5, 0.65),
    "mouth and chin": (0.65, 1.0),
}
#: Images of each of two classes from which it is said how well their difference tells them apart.
FEWEST = 10

_CHUNK = 2048


@dataclass(frozen=True)
class Pair:
    """Two classes and the difference of their average faces.

    Attributes:
        first: a class.
        second: the one whose average is subtracted.
        difference: float ``[H, W]``, in grey values, each average at the same overall brightness.
        where: the band of the face with the largest share of the difference.
        brighter: whether the first is the brighter one there, on the whole.
        told_apart: area under the ROC curve of the difference alone on images that are not train's, 0 to 1 (one half is
            chance); None of too few images.
    """

    first: str
    second: str
    difference: np.ndarray
    where: str
    brighter: bool
    told_apart: float | None


def average_faces(dataset: FaceDataset) -> dict[str, np.ndarray]:
    """By class, the mean of its train images, float64 ``[H, W]``; a class without any is left out."""
    train = dataset.rows("train")
    means = {}
    for code, name in enumerate(dataset.classes):
        rows = train[dataset.labels[train] == code]
        if len(rows):
            parts = (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
            means[name] = sum(dataset.images[part].sum(axis=0, dtype=np.float64) for part in parts) / len(rows)
    return means


def contrasts(dataset: FaceDataset, averages: dict[str, np.ndarray]) -> list[Pair]:
    """Every two classes that have an average face."""
    levelled = {name: mean - mean.mean() for name, mean in averages.items()}
    if len(levelled) < 2:
        return []
    scores, emotions = _projected(dataset, np.stack(list(levelled.values())))
    place = {name: number for number, name in enumerate(levelled)}
    pairs = []
    for first, second in combinations(levelled, 2):
        difference = levelled[first] - levelled[second]
        where = max(BANDS, key=lambda band: float(np.abs(_band(difference, band)).sum()))
        own, other = emotions == first, emotions == second
        told = None
        if min(own.sum(), other.sum()) >= FEWEST:
            both = own | other
            told = float(roc_auc_score(own[both], scores[both, place[first]] - scores[both, place[second]]))
        pairs.append(Pair(first, second, difference, where, bool(_band(difference, where).mean() > 0), told))
    return pairs


def red_and_blue(difference: np.ndarray, limit: float) -> np.ndarray:
    """uint8 ``[H, W, 3]``: red where a difference is above 0, blue below, white at 0; strongest at ``limit``."""
    shade = colormaps["RdBu_r"](0.5 + 0.5 * np.clip(difference / limit, -1, 1))
    return np.asarray(np.rint(255 * shade[:, :, :3]).astype(np.uint8))


def _band(difference: np.ndarray, name: str) -> np.ndarray:
    top, bottom = (round(share * len(difference)) for share in BANDS[name])
    return difference[top:bottom]


def _projected(dataset: FaceDataset, averages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much every image outside train is like each average: float64 ``[N, C]``, and the images' labels."""
    rows = np.flatnonzero((dataset.table["split"] != "train").to_numpy())
    flat = averages.reshape(len(averages), -1)
    scores = np.empty((len(rows), len(averages)))
    for start in range(0, len(rows), _CHUNK):
        faces = dataset.images[rows[start : start + _CHUNK]].reshape(-1, flat.shape[1]).astype(np.float64)
        faces -= faces.mean(axis=1, keepdims=True)
        faces /= np.maximum(faces.std(axis=1, keepdims=True), 1)
        scores[start : start + _CHUNK] = faces @ flat.T
    return scores, dataset.table["emotion"].to_numpy()[rows]
