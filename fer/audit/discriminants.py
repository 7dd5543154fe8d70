"""Linear discriminants with a shrunk covariance, solved by Cholesky's factors.

They are those of scikit-learn's ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage=...)``, whose least squares take
the singular values of a matrix that is positive definite: more than ten times as long.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import softmax
from sklearn.covariance import shrunk_covariance


@dataclass(frozen=True)
class Discriminants:
    """What ``discriminants`` fitted to points of K classes in D dimensions.

    Attributes:
        classes: int ``[K]``, ascending.
        weights: float64 ``[D, K]``.
        offsets: float64 ``[K]``.
    """

    classes: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    def scores(self, points: np.ndarray) -> np.ndarray:
        """float64 ``[N, K]``: log-probabilities but for a constant in each row; points are float ``[N, D]``."""
        return np.asarray(points @ self.weights + self.offsets)

    def probabilities(self, points: np.ndarray) -> np.ndarray:
        """float64 ``[N, K]``, rows that sum to 1; points are float ``[N, D]``."""
        return np.asarray(softmax(self.scores(points), axis=1))


def discriminants(points: np.ndarray, labels: np.ndarray, shrinkage: float) -> Discriminants:
    """Fit them: normal classes of one covariance, as likely as they are frequent (Duda, Hart and Stork 2001, 2.6.2).

    Args:
        points: float ``[N, D]``.
        labels: int ``[N]``.
        shrinkage: above 0, to 1: how far the covariance is drawn to a multiple of the identity.
    """
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.stack([points[codes == code].mean(axis=0, dtype=np.float64) for code in range(len(classes))])
    within = points - means[codes].astype(points.dtype)
    covariance = shrunk_covariance((within.T @ within / len(points)).astype(np.float64), shrinkage)
    if np.trace(covariance) > 0:
        weights = cho_solve(cho_factor(covariance, overwrite_a=True), means.T)
    else:  # every point is its class's mean: there is no direction to tell them by
        weights = np.zeros_like(means.T)
    offsets = np.log(counts / len(points)) - np.einsum("kd,dk->k", means, weights) / 2
    return Discriminants(classes, weights, offsets)
