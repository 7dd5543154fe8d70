"""Images that are unlike all others: far from their nearest neighbours in what a network sees of them."""

import faiss
import numpy as np
from cleanlab.outlier import OutOfDistribution

from fer.audit.copies import build_index

#: Neighbours whose mean distance counts; the image itself is one of them.
NEIGHBOURS = 11
#: Times the interquartile range above the upper quartile from which a distance is an outlier's: cleanlab's own bound.
RANGES = 1.7

_CHUNK = 4096


class _Neighbours:
    """What cleanlab asks of scikit-learn's search, which compares all pairs, answered by an index."""

    metric = "cosine"

    def __init__(self, points: np.ndarray) -> None:
        self.n_neighbors = min(NEIGHBOURS, len(points))
        index: faiss.Index = build_index(points)
        parts = [points[start : start + _CHUNK] for start in range(0, len(points), _CHUNK)]
        found = [index.search(part, self.n_neighbors) for part in parts]
        self._distances = np.clip(1 - np.concatenate([near for near, _ in found]).astype(np.float64), 0, 2)
        self._positions = np.concatenate([positions for _, positions in found])

    def kneighbors(self, _points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances and positions of the nearest of the points that it was made of; cleanlab asks twice."""
        return self._distances, self._positions


def outlier_scores(points: np.ndarray, group: np.ndarray) -> np.ndarray:
    """How far every image lies from its nearest neighbours, copies apart.

    Args:
        points: float ``[N, D]``, what describes the images.
        group: int ``[N]``: equal for copies of one image, of which the first stands for all.

    Returns:
        float64 ``[N]``: the mean cosine distance to the nearest images over the median of all, 0 to infinity.
    """
    _, first, place = np.unique(group, return_index=True, return_inverse=True)
    unique = np.ascontiguousarray(points[first], np.float32)
    unique /= np.maximum(np.linalg.norm(unique, axis=1, keepdims=True), 1e-6)
    if len(unique) < 3:
        return np.ones(len(points))
    estimator = OutOfDistribution(params={"knn": _Neighbours(unique)})
    return -np.log(np.maximum(estimator.score(features=unique), 1e-12))[place]


def outliers(scores: np.ndarray) -> np.ndarray:
    """bool ``[N]``: the scores far above the others."""
    low, high = np.quantile(scores, [0.25, 0.75])
    return np.asarray(scores > high + RANGES * (high - low))
