"""Copies: exact ones by hash, near ones (mirrored, shifted, re-encoded, relit, cropped) by an index and a comparison.

An index of descriptors names a few candidates for every image, so that the time grows with the number of images and
not with that of pairs. Every candidate is then compared pixel by pixel: a pair counts only where the two images
correlate after the best shift, scale and mirroring.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

import cv2
import faiss
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.decomposition import PCA

from fer.audit.progress import Steps, silent
from fer.inference.face_check import features

#: Dimensions of a descriptor, and images that its projection is fitted to.
DIMENSIONS, FITTED = 128, 10_000
#: Neighbours that are compared with every image, and with its mirror image.
NEIGHBOURS = 12
#: Images up to which every one is compared with every other one's descriptor.
ALL_PAIRS = 4_096
#: Lists of the index that a search looks into.
PROBES = 32
#: Standard deviation of the grey values below which an image shows too little to be compared.
FLAT = 4.0
#: How much one of two copies may be enlarged: twice to choose, in finer steps to decide.
COARSE, FINE = (1.0, 1.15), (1.0, 1.06, 1.12, 1.18, 1.25)
#: Correlation at half the size that a candidate must reach to be compared in full; found copies have 0.73 and more.
CANDIDATE = 0.72
#: Correlation from which two images are copies; benchmarks/audit.py has what it finds and what it misses.
COPY = 0.92
#: Share of the side that must overlap: the rest is what a copy may be shifted by.
WINDOW = 0.71

_CHUNK = 4096
#: Images whose details are kept between comparisons, 8 KB each: pairs of an image follow each other.
_KEPT = 8192


def near_copies(images: np.ndarray, steps: Steps = silent) -> pd.DataFrame:
    """Pairs of images that show the same picture.

    Args:
        images: uint8 ``[N, 48, 48]``, no two of them equal: leave out exact copies.
        steps: told how many parts of the comparisons are done.

    Returns:
        One row per pair: ``first``, ``second`` (positions, the first lower), ``mirrored`` (bool) and ``similarity``
        (the correlation after alignment, ``COPY`` to 1), by position.
    """
    candidates = candidate_pairs(images)
    comparison = Comparison(images)
    found: list[tuple[int, int, bool, float]] = []
    parts = [candidates[start : start + _CHUNK] for start in range(0, len(candidates), _CHUNK)]
    # OpenCV lets other threads run while it compares.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for number, copies in enumerate(threads.map(comparison.copies, parts), start=1):
            found += copies
            steps(number, len(parts))
    pairs = pd.DataFrame(found, columns=["first", "second", "mirrored", "similarity"])
    pairs = pairs.astype({"first": np.int64, "second": np.int64, "mirrored": bool, "similarity": np.float64})
    best_first = pairs.sort_values(["first", "second", "similarity"], ascending=[True, True, False])
    return best_first.drop_duplicates(["first", "second"], ignore_index=True)


def groups_of(pairs: pd.DataFrame, images: int) -> np.ndarray:
    """int64 ``[N]``: the lowest position of the images that pairs join, directly or by others; an image's own alone."""
    ones = np.ones(len(pairs), np.int8)
    graph = coo_array((ones, (pairs["first"], pairs["second"])), shape=(images, images))
    _, component = connected_components(graph, directed=False)
    _, lowest = np.unique(component, return_index=True)
    return lowest[component].astype(np.int64)


def fit_projection(images: np.ndarray) -> PCA:
    """The whitening that makes histograms of oriented gradients tell one face from another, fitted to some images."""
    sample = np.ascontiguousarray(images[:: max(1, len(images) // FITTED)])
    # Of few images the last dimensions are noise, which whitening would make as large as the first.
    dimensions = max(1, min(DIMENSIONS, len(sample) // 4))
    return PCA(dimensions, whiten=True, svd_solver="covariance_eigh").fit(_histograms(sample))


def descriptors(images: np.ndarray, projection: PCA) -> np.ndarray:
    """What the index compares: histograms of oriented gradients (Dalal and Triggs 2005), projected and whitened.

    Args:
        images: uint8 ``[N, 48, 48]``.
        projection: of ``fit_projection``.

    Returns:
        float32 ``[N, D]`` of length 1, D at most ``DIMENSIONS``.
    """
    points = np.empty((len(images), projection.n_components_), np.float32)
    for start in range(0, len(images), _CHUNK):
        points[start : start + _CHUNK] = projection.transform(_histograms(images[start : start + _CHUNK]))
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-6)


def build_index(points: np.ndarray) -> faiss.Index:
    """An index of inner products over float32 ``[N, D]``; the same points give the same index."""
    count, dimensions = points.shape
    lists = min(round(4 * count**0.5), count // 40)
    kind = "Flat" if count <= ALL_PAIRS else f"IVF{lists},Flat"
    index = faiss.index_factory(dimensions, kind, faiss.METRIC_INNER_PRODUCT)
    if count > ALL_PAIRS:
        index.train(points[:: max(1, count // (40 * lists))])
        faiss.extract_index_ivf(index).nprobe = PROBES
    index.add(points)
    return index


def _histograms(images: np.ndarray) -> np.ndarray:
    """The first of the face check's features: float32 ``[N, 324]``."""
    return features(images)[:, :-3]


def candidate_pairs(images: np.ndarray) -> np.ndarray:
    """Pairs of images with like descriptors, of every image and of its mirror image at most ``NEIGHBOURS``.

    Args:
        images: uint8 ``[N, 48, 48]``.

    Returns:
        int64 ``[P, 3]``: two positions, the first lower, and 1 where one is to be mirrored; sorted, each once.
    """
    usable = np.flatnonzero(_contrast(images) >= FLAT)
    if len(usable) < 2:
        return np.empty((0, 3), np.int64)
    projection = fit_projection(images[usable[:: max(1, len(usable) // FITTED)]])
    # Part by part: all usable images at once would be a copy of nearly all images.
    points = np.empty((len(usable), projection.n_components_), np.float32)
    for start in range(0, len(usable), _CHUNK):
        points[start : start + _CHUNK] = descriptors(images[usable[start : start + _CHUNK]], projection)
    index = build_index(points)
    del points  # the index has a copy
    codes = []
    for start in range(0, len(usable), _CHUNK):
        rows = usable[start : start + _CHUNK]
        for turned, part in enumerate((images[rows], images[rows][:, :, ::-1])):
            _, near = index.search(descriptors(part, projection), min(NEIGHBOURS + 1, len(usable)))
            ones, others = np.repeat(rows, near.shape[1]), usable[near.ravel()]
            valid = (near.ravel() >= 0) & (ones != others)
            low, high = np.minimum(ones, others)[valid], np.maximum(ones, others)[valid]
            codes.append((low * len(images) + high) * 2 + turned)
    pairs, mirrored = np.divmod(np.unique(np.concatenate(codes)), 2)
    return np.column_stack([*np.divmod(pairs, len(images)), mirrored])


class Comparison:
    """Images without their slow changes of light at half size, and what is looked for in them."""

    def __init__(self, images: np.ndarray) -> None:
        self._details = lru_cache(_KEPT)(partial(_details, images))
        half = images.shape[1] // 2
        self._half = np.empty((len(images), half, half), np.uint8)
        self._cut = np.empty((len(images), len(COARSE), *2 * (round(WINDOW * half),)), np.uint8)
        for small, cut, image in zip(self._half, self._cut, images, strict=True):
            small[:] = cv2.resize(_without_light(image), (half, half), interpolation=cv2.INTER_AREA)
            cut[:] = _centres(small, COARSE)

    def copies(self, pairs: np.ndarray) -> list[tuple[int, int, bool, float]]:
        """Those of some candidates, int ``[P, 3]``, that are copies, with their similarity."""
        found = []
        for one, other, mirrored in pairs.tolist():
            small, cut = self._half[one], self._cut[one]
            if mirrored:
                small, cut = np.ascontiguousarray(small[:, ::-1]), np.ascontiguousarray(cut[:, :, ::-1])
            if _correlation(small, cut, self._half[other], self._cut[other]) < CANDIDATE:
                continue
            similarity = self._similarity(one, other, mirrored)
            if similarity >= COPY:
                found.append((one, other, bool(mirrored), similarity))
        return found

    def _similarity(self, one: int, other: int, mirrored: int) -> float:
        """The highest correlation of two images' centres over shifts and scales, -1 to 1."""
        return _correlation(*self._details(one, mirrored), *self._details(other, 0))


def _details(images: np.ndarray, position: int, mirrored: int) -> tuple[np.ndarray, np.ndarray]:
    """An image without its slow changes of light, and its centres."""
    plain = _without_light(images[position])
    plain = np.ascontiguousarray(plain[:, ::-1]) if mirrored else plain
    return plain, _centres(plain, FINE)


def _correlation(first: np.ndarray, cut: np.ndarray, second: np.ndarray, other_cut: np.ndarray) -> float:
    """The best of one image's centres anywhere in the other, and of the other's enlarged centres in the one."""
    best = max(float(cv2.matchTemplate(second, centre, cv2.TM_CCOEFF_NORMED).max()) for centre in cut)
    return max([best, *(float(cv2.matchTemplate(first, c, cv2.TM_CCOEFF_NORMED).max()) for c in other_cut[1:])])


def _centres(image: np.ndarray, scales: tuple[float, ...]) -> np.ndarray:
    """uint8 ``[S, W, W]``: the image's centre, enlarged by every scale."""
    side = image.shape[0]
    window = round(WINDOW * side)
    middle, corner = (side - 1) / 2, (window - 1) / 2
    cut = np.empty((len(scales), window, window), np.uint8)
    for part, scale in zip(cut, scales, strict=True):
        inverse = np.array([[1 / scale, 0, middle - corner / scale], [0, 1 / scale, middle - corner / scale]])
        part[:] = cv2.warpAffine(image, inverse, (window, window), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return cut


def _without_light(image: np.ndarray) -> np.ndarray:
    """uint8 ``[H, W]``: details from 1 to 6 of 48 pixels around a middle grey, so that light counts for little."""
    values = image.astype(np.float32)
    scale = image.shape[0] / 48
    details = cv2.GaussianBlur(values, (0, 0), 0.8 * scale) - cv2.GaussianBlur(values, (0, 0), 6 * scale)
    spread = float(details.std())
    return np.clip(128 + details * (32 / max(spread, 1e-3)), 0, 255).astype(np.uint8)


def _contrast(images: np.ndarray) -> np.ndarray:
    """float64 ``[N]``: the standard deviation of every image's grey values."""
    return np.array([cv2.meanStdDev(np.ascontiguousarray(image))[1].item() for image in images])
