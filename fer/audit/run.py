"""The audit: every step over a FaceDataset, as one table, the pairs of near copies and the figures about both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fer.audit.copies import groups_of, near_copies
from fer.audit.embedding import embeddings
from fer.audit.figures import class_overlap, summarize
from fer.audit.flaws import flaws, inversion, odd_sizes
from fer.audit.labels import audit_labels, gradients, out_of_fold
from fer.audit.outliers import outlier_scores, outliers
from fer.audit.progress import Progress, Steps, unseen
from fer.audit.properties import found_faces, image_properties
from fer.data.dataset import FaceDataset
from fer.inference.classifier import RELEASED, Card
from fer.inference.detection import Detector
from fer.inference.face_size import FACE_SIZE
from fer.inference.resize import to_face


@dataclass(frozen=True)
class Audit:
    """What the audit found.

    Attributes:
        table: one row per image of the data set, in its order: ``source_id``, ``split``, ``emotion``, ``sha256`` and
            ``train_copy`` of the data set, the measurements, ``flaw_*`` (bool), ``equal_to`` and ``near_to`` (the
            ``source_id`` of the first image of its group of equal, or of equal and near, images; "" alone),
            ``outlier_score`` and ``outlier`` of :mod:`fer.audit.outliers`, and the columns of
            :func:`fer.audit.labels.audit_labels`.
        pairs: near copies: ``first``, ``second`` (``source_id``), of both ``split`` and ``emotion``, ``mirrored`` and
            ``similarity``. Of equal images the first one stands for all.
        summary: figures, as plain values by name.
        embedding: float32 ``[N, D]``, the released network's view of every image.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    summary: dict[str, Any]
    embedding: np.ndarray


def audit(
    dataset: FaceDataset,
    seed: int,
    detector: Detector | None = None,
    progress: Progress = unseen,
) -> Audit:
    """Audit a data set; its images are looked at in the size in which networks see them.

    Args:
        dataset: the faces.
        seed: of the folds.
        detector: finds the face in every image; without one the table has no columns about it.
        progress: opens the progress of a step.
    """
    images = _as_faces(dataset.images)
    measured = image_properties(images, progress("properties"))
    measured["inversion"] = inversion(images)
    measured["face_check"] = _face_check(images)
    if detector is not None:
        measured = measured.join(found_faces(images, detector, progress("faces")))
    table = dataset.table[["source_id", "split", "emotion", "sha256", "train_copy"]].join(measured)
    table = table.join(flaws(measured).add_prefix("flaw_"))
    if "source_width" in dataset.table:
        table["flaw_odd_size"] = odd_sizes(dataset.table)
        table["file_side"] = np.sqrt(dataset.table["source_width"] * dataset.table["source_height"])
    pairs, group = _copies(images, table["sha256"], progress("near copies"))
    names = table["source_id"].to_numpy()
    first = _first_of(table["sha256"])
    table["equal_to"] = _named(first, names)
    table["near_to"] = _named(group, names)
    seen = embeddings(images, steps=progress("embedding"))
    table["outlier_score"] = outlier_scores(seen, group)
    table["outlier"] = outliers(table["outlier_score"].to_numpy())
    views = (seen, gradients(images))
    probabilities = label_probabilities(views, dataset.labels, group, len(dataset.classes), seed, progress("labels"))
    table = table.join(audit_labels(dataset.labels, probabilities, dataset.classes))
    summary = summarize(dataset, table, pairs) | {"overlap": class_overlap(dataset, probabilities)}
    return Audit(table, _told(pairs, table), summary, seen)


def _as_faces(images: np.ndarray) -> np.ndarray:
    """uint8 ``[N, 48, 48]`` of images of any one size."""
    if images.shape[1:] == (FACE_SIZE, FACE_SIZE):
        return images
    faces = np.empty((len(images), FACE_SIZE, FACE_SIZE), np.uint8)
    for face, image in zip(faces, images, strict=True):
        face[:] = to_face(np.ascontiguousarray(image))
    return faces


def label_probabilities(
    views: Sequence[np.ndarray], labels: np.ndarray, group: np.ndarray, classes: int, seed: int, steps: Steps
) -> np.ndarray:
    """Class probabilities out of fold, the mean of several views of a face: float64 ``[N, C]``.

    The released network's embedding is the better view. Of images that it was trained on it has seen the labels, and
    so finds fewer of the wrong ones; histograms of gradients have seen none. Together they rank better than each alone.
    """
    parts = [out_of_fold(view, labels, group, classes, seed, steps) for view in views]
    return np.asarray(np.mean(parts, axis=0))


def _copies(images: np.ndarray, hashes: pd.Series, steps: Steps) -> tuple[pd.DataFrame, np.ndarray]:
    """Pairs of near copies among the first of equal images, and the group of every image, equal ones included."""
    first = _first_of(hashes)
    unique = np.flatnonzero(first == np.arange(len(first)))
    pairs = near_copies(images if len(unique) == len(images) else images[unique], steps)
    pairs = pairs.assign(first=unique[pairs["first"]], second=unique[pairs["second"]])
    equal = pd.DataFrame({"first": first, "second": np.arange(len(first))})
    return pairs, groups_of(pd.concat([pairs[["first", "second"]], equal]), len(images))


def _first_of(hashes: pd.Series) -> np.ndarray:
    """int64 ``[N]``: the position of the first image with the same hash."""
    return hashes.map(pd.Series(np.arange(len(hashes)), hashes).groupby(level=0).min()).to_numpy(np.int64)


def _named(group: np.ndarray, names: np.ndarray) -> np.ndarray:
    """The name of the first image of every group; "" for an image that is alone in its group."""
    sizes = np.bincount(group, minlength=len(group))
    return np.where(sizes[group] > 1, names[group], "")


def _told(pairs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The pairs with names, splits and emotions in place of positions."""
    told: dict[str, np.ndarray] = {}
    for side in ("first", "second"):
        rows = table.iloc[pairs[side]]
        told |= {side: rows["source_id"].to_numpy()}
        told |= {f"{side}_{column}": rows[column].to_numpy() for column in ("split", "emotion")}
    return pd.DataFrame(told).join(pairs[["mirrored", "similarity"]])


def _face_check(images: np.ndarray) -> np.ndarray:
    """How much each image is like a face by the released network's card: 0 and more for faces."""
    check = Card.load(RELEASED).face_check
    if check is None:
        return np.zeros(len(images))
    return np.concatenate(
        [check.scores(part) - check.bound for part in np.array_split(images, max(1, len(images) // 2048))]
    )
