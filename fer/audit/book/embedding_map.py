"""The embedding as a map: faces that are alike to the network lie near each other."""

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from fer.data.dataset import FaceDataset

#: Points of the map, dimensions that are looked at, and neighbours that a point keeps (perplexity).
POINTS, DIMENSIONS, PERPLEXITY = 2500, 50, 30
#: Images below which neighbourhoods say nothing: they are placed by the two directions of most variance.
FEWEST = 30


@dataclass(frozen=True)
class EmbeddingMap:
    """Some images of a data set in the plane.

    Attributes:
        rows: int64 ``[N]``, of the data set, ascending.
        places: float64 ``[N, 2]``, 0 to 1.
        by: what placed them, in words.
    """

    rows: np.ndarray
    places: np.ndarray
    by: str


def embedding_map(dataset: FaceDataset, embedding: np.ndarray, seed: int) -> EmbeddingMap:
    """At most ``POINTS`` images, evenly over the data set, by t-SNE (van der Maaten and Hinton 2008).

    Args:
        dataset: the faces.
        embedding: float ``[N, D]``, of all images.
        seed: of t-SNE.
    """
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(POINTS, len(dataset))).astype(int))
    points = embedding[rows].astype(np.float64)
    # A network that says the same of every image leaves nothing to place them by.
    varied = len(rows) >= 2 and bool((points.std(axis=0) > 0).any())
    if varied:
        points = PCA(min(DIMENSIONS, len(rows), points.shape[1]), random_state=seed).fit_transform(points)
    if not varied or len(rows) < FEWEST:
        flat = np.zeros((len(rows), 2))
        kept = min(2, points.shape[1]) if varied else 0
        flat[:, :kept] = points[:, :kept]
        return EmbeddingMap(rows, _to_unit(flat), "principal components")
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    placed = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=-1).fit_transform(points)
    return EmbeddingMap(rows, _to_unit(placed.astype(np.float64)), "t-SNE")


def _to_unit(points: np.ndarray) -> np.ndarray:
    """Every axis from 0 to 1; in the middle where all points have one value."""
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    return np.where(span > 0, (points - low) / np.where(span > 0, span, 1), 0.5)
