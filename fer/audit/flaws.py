"""Images that are flawed by what they measure, and proxies for what the reference study found wrong with FER-2013.

A proxy is a number that is high where the flaw is likely. What it is worth was checked by hand on FER-2013:
docs/data-audit.md has its precision and recall.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

#: Grey values of mean and standard deviation, and the face likeness, that 98 to 99 % of FER-2013 keep: those of
#: expectations/images.yaml.
DARK, BRIGHT, FLAT, LOUD, UNLIKE = 40, 215, 20, 100, -0.25
#: Sharpness below which an image was enlarged from 16 pixels (fer.inference.trust), and bits that a face has.
BLURRED, POOR = 0.3, 5.0
#: Components of the average of faces, and images that they are fitted to.
COMPONENTS, FITTED = 64, 8_000

_CHUNK = 2048


def flaws(properties: pd.DataFrame) -> pd.DataFrame:
    """What is wrong with every image by its measurements.

    Args:
        properties: of :func:`fer.audit.properties.image_properties`.

    Returns:
        bool ``[N, 8]``: ``blank`` (one grey), ``inverted`` (light and dark changed: unlike the average face in just the
        opposite way), ``dark``, ``bright``, ``flat``, ``loud`` (black and white), ``blurred``, ``poor`` (little
        information: few grey values).
    """
    measured = properties
    blank = measured["contrast"] == 0
    return pd.DataFrame(
        {
            "blank": blank,
            "inverted": measured["face_likeness"] < UNLIKE,
            "dark": ~blank & (measured["brightness"] < DARK),
            "bright": ~blank & (measured["brightness"] > BRIGHT),
            "flat": ~blank & (measured["contrast"] < FLAT),
            "loud": measured["contrast"] > LOUD,
            "blurred": ~blank & (measured["sharpness"] < BLURRED),
            "poor": ~blank & (measured["entropy"] < POOR),
        }
    )


def unexplained(images: np.ndarray) -> np.ndarray:
    """Share of an image that the principal components of all faces do not explain (Turk and Pentland 1991).

    Args:
        images: uint8 ``[N, H, W]``.

    Returns:
        float64 ``[N]``, 0 to 1: high where something that other faces do not have covers a large part of the face; 0
        for a constant image.
    """
    sample = _standardized(images[:: max(1, len(images) // FITTED)])
    components = min(COMPONENTS, len(sample) - 1)
    faces = PCA(components, svd_solver="randomized", random_state=0).fit(sample)
    left = np.empty(len(images))
    for start in range(0, len(images), _CHUNK):
        flat = _standardized(images[start : start + _CHUNK]) - faces.mean_
        power = np.square(flat).sum(axis=1)
        explained = np.square(flat @ faces.components_.T).sum(axis=1)
        left[start : start + _CHUNK] = np.where(power > 0, 1 - explained / np.maximum(power, 1e-9), 0)
    return left


def _standardized(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(flat.std(axis=1, keepdims=True), 1)


@dataclass(frozen=True)
class Proxy:
    """A number that is high where a flaw is likely.

    Attributes:
        score: of the audit's table; the higher, the likelier.
        bound: the score from which the flaw is said to be there.
        measures: what it measures, in words.
        misses: what it cannot tell.
    """

    score: Callable[[pd.DataFrame], pd.Series]
    bound: float
    measures: str
    misses: str


def _lighting(table: pd.DataFrame) -> pd.Series:
    """How far out of the usual range light is: 1 at the bounds of ``flaws``, or where one half is 60 brighter."""
    middle, half = (DARK + BRIGHT) / 2, (BRIGHT - DARK) / 2
    parts = [(table["brightness"] - middle).abs() / half, FLAT / table["contrast"].clip(lower=1)]
    return pd.concat([*parts, table["side_light"].abs() / 60], axis=1).max(axis=1)


def _angle(table: pd.DataFrame) -> pd.Series:
    """1 at 15 degrees of roll, or where the nose lies three fifths of the way to an eye; by symmetry without a face."""
    by_symmetry = 0.5 - table["symmetry"]
    if "face_roll" not in table:
        return by_symmetry
    turned = pd.concat([table["face_roll"].abs() / 15, table["face_yaw"].abs() / 0.6], axis=1).max(axis=1)
    return turned.fillna(by_symmetry)


#: The reference study's list; what is mislabelled is in ``fer.audit.labels``.
PROXIES = {
    "occlusion": Proxy(
        lambda table: table["unexplained"],
        0.35,
        "the share of the image that the 64 principal components of all faces do not explain",
        "glasses, beards and hands that many faces have; a rare pose and sharp texture score high too",
    ),
    "unrealistic": Proxy(
        lambda table: -table["face_check"],
        0.0,
        "the face check of the released network's card: histograms of gradients that are not like a face's",
        "a drawing or statue with a face's proportions, which it takes for a face",
    ),
    "lighting": Proxy(
        _lighting,
        1.0,
        "brightness, contrast, and the difference between the left and the right half",
        "hard shadows on a face of average brightness; dark skin and a dark ground from little light",
    ),
    "angle": Proxy(
        _angle,
        1.0,
        "roll by the eyes and yaw by the nose where YuNet finds a face, else asymmetry",
        "faces that look up or down; light from one side is asymmetric too",
    ),
}
