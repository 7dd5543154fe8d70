"""Numbers that describe a FaceDataset: one row per image, and the counts of every class in every split."""

import numpy as np
import pandas as pd

from fer.data.cleaning import image_hashes
from fer.data.dataset import FaceDataset

_CHUNK = 2048


def image_statistics(dataset: FaceDataset) -> pd.DataFrame:
    """What every image measures, from the present pixels; what is right or wrong, the checks decide.

    Returns:
        One row per image, in the table's order and with its index:

        - ``height``, ``width``: pixels.
        - ``brightness``, ``contrast``: mean and standard deviation of the grey values, on the scale 0 to 255.
        - ``minimum``, ``maximum``: grey values, 0 to 255.
        - ``face_likeness``: -1 to 1, see :func:`face_likeness`.
        - ``pixels_sha256``: hexadecimal SHA-256 of the pixels; the table's ``sha256`` is the one that ingest recorded.
    """
    images = dataset.images
    count, height, width = images.shape
    flat = images.reshape(count, height * width)
    parts = [_grey_values(flat[start : start + _CHUNK]) for start in range(0, count, _CHUNK)]
    statistics = pd.concat(parts, ignore_index=True)
    statistics.insert(0, "height", height)
    statistics.insert(1, "width", width)
    statistics["face_likeness"] = face_likeness(images)
    statistics["pixels_sha256"] = image_hashes(images)
    statistics.index = dataset.table.index
    return statistics


def _grey_values(flat: np.ndarray) -> pd.DataFrame:
    """Brightness, contrast and range of uint8 ``[n, pixels]``."""
    values = flat.astype(np.float32)
    return pd.DataFrame(
        {
            "brightness": values.mean(axis=1, dtype=np.float64),
            "contrast": values.std(axis=1, dtype=np.float64),
            "minimum": flat.min(axis=1),
            "maximum": flat.max(axis=1),
        }
    )


def face_likeness(images: np.ndarray) -> np.ndarray:
    """How much every image resembles the average face of all of them.

    The images are mirrored onto themselves and high-pass filtered, so that light from one side does not count, and
    weighted towards the centre, so that the background does not; then each is correlated with the average. Inverted
    faces come out negative, pictures of something else near zero.

    Args:
        images: uint8 ``[N, H, W]``.

    Returns:
        float64 ``[N]``, correlations from -1 to 1; 0 for a constant image.
    """
    count, height, width = images.shape
    blur_rows, blur_columns = _gaussian(height, height / 6), _gaussian(width, width / 6)
    centre = np.outer(_gaussian(height, height / 3.7)[height // 2], _gaussian(width, width / 3.7)[width // 2])
    patterns = np.empty((count, height * width), np.float32)
    for start in range(0, count, _CHUNK):
        faces = images[start : start + _CHUNK].astype(np.float32)
        faces += faces[:, :, ::-1].copy()
        faces = (faces - blur_rows @ faces @ blur_columns.T) * (centre / centre.max())
        flat = faces.reshape(len(faces), -1)
        flat -= flat.mean(axis=1, keepdims=True)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        # float32 leaves a constant image a residue far below one grey value
        patterns[start : start + _CHUNK] = np.where(length > 1, flat / np.maximum(length, 1), 0)
    average = patterns.mean(axis=0)
    length = np.linalg.norm(average)
    return (patterns @ average / length if length else np.zeros(count)).astype(np.float64)


def _gaussian(size: int, sigma: float) -> np.ndarray:
    """float32 ``[size, size]``: the matrix that blurs a vector with a Gaussian, rows summing to 1."""
    offsets = np.arange(size)[:, None] - np.arange(size)[None, :]
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def class_counts(dataset: FaceDataset) -> pd.DataFrame:
    """Images of every class in every split, zeros included.

    Returns:
        Columns ``split``, ``emotion``, ``images`` (count) and ``share`` (of the split's images, 0 to 1), splits and
        classes in the data set's order.
    """
    wide = dataset.counts().T.rename_axis("emotion").reset_index()
    counts = wide.melt("emotion", var_name="split", value_name="images")[["split", "emotion", "images"]]
    totals = counts.groupby("split")["images"].transform("sum")
    counts["share"] = (counts["images"] / totals.where(totals > 0)).fillna(0.0)
    return counts
