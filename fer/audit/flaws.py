"""Images that are flawed by what they measure, and proxies for what the reference study found wrong with FER-2013.

A proxy is a number that is high where the flaw is likely. What it is worth was checked by hand on FER-2013:
docs/data-audit.md has its precision and recall.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from fer.audit.discriminants import discriminants

#: Grey values of mean and standard deviation that 99 % of FER-2013 keep: those of fer/expectations/images.yaml.
DARK, BRIGHT, FLAT, LOUD = 40, 215, 20, 100
#: Sharpness below which an image was enlarged from 16 pixels (fer.inference.trust), and bits that a face has.
BLURRED, POOR = 0.3, 5.0
#: Log-odds of :func:`inversion` from which an image is called a negative, and images that it is learnt from. On
#: FER-2013 96 % of the negatives lie above it, and 5 % of the images themselves (benchmarks/audit.py).
INVERTED, FITTED = -0.5, 6_000

_CHUNK = 2048


def flaws(properties: pd.DataFrame) -> pd.DataFrame:
    """What is wrong with every image by its measurements.

    Args:
        properties: of :func:`fer.audit.properties.image_properties`, and ``inversion``.

    Returns:
        bool ``[N, 8]``: ``blank`` (one grey), ``inverted`` (as likely a negative as a face), ``dark``, ``bright``,
        ``flat``, ``loud`` (black and white), ``blurred``, ``poor`` (little information: few grey values).
    """
    measured = properties
    blank = measured["contrast"] == 0
    return pd.DataFrame(
        {
            "blank": blank,
            "inverted": ~blank & (measured["inversion"] > INVERTED),
            "dark": ~blank & (measured["brightness"] < DARK),
            "bright": ~blank & (measured["brightness"] > BRIGHT),
            "flat": ~blank & (measured["contrast"] < FLAT),
            "loud": measured["contrast"] > LOUD,
            "blurred": ~blank & (measured["sharpness"] < BLURRED),
            "poor": ~blank & (measured["entropy"] < POOR),
        }
    )


def odd_sizes(table: pd.DataFrame) -> np.ndarray:
    """bool ``[N]``: images whose files are far smaller or larger than the others.

    Their side is beyond a factor of two from the median, and beyond three interquartile ranges of the logarithm.

    Args:
        table: ``source_width`` and ``source_height``, in pixels.
    """
    side = np.log2(table["source_width"].to_numpy() * table["source_height"].to_numpy()) / 2
    low, middle, high = np.quantile(side, [0.25, 0.5, 0.75])
    return np.asarray(np.abs(side - middle) > max(1.0, 3 * (high - low)))


def inversion(images: np.ndarray) -> np.ndarray:
    """Whether an image is rather a negative: learnt from the images themselves and their negatives.

    Linear discriminants over histograms of signed gradients, which turn round where light and dark change places.

    Args:
        images: uint8 ``[N, 48, 48]``.

    Returns:
        float64 ``[N]``: log-odds; above 0 an image looks more like the others' negatives than like the others.
    """
    sample = images[:: max(1, len(images) // FITTED)]
    known = np.concatenate([_signed_gradients(sample), _signed_gradients(255 - sample)])
    dimensions = known.shape[1]
    shrinkage = max(0.1, dimensions / (dimensions + len(known)))
    negative = np.repeat([0, 1], len(sample))
    model = discriminants(known, negative, shrinkage)
    parts = [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    scores = np.concatenate([model.scores(_signed_gradients(part)) for part in parts])
    return np.asarray(scores[:, 1] - scores[:, 0])


def _signed_gradients(images: np.ndarray) -> np.ndarray:
    """float32 ``[N, 1800]``: 5x5 blocks of 2x2 cells, 18 directions."""
    side = images.shape[1]
    cell = side // 6
    size, block, step = (side,) * 2, (2 * cell,) * 2, (cell,) * 2
    descriptor = cv2.HOGDescriptor(size, block, step, step, 18, 1, -1, 0, 0.2, False, 64, True)
    return np.stack([np.ravel(descriptor.compute(np.ascontiguousarray(image))) for image in images])


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
    """1 at a mean grey value of 75, or of 215."""
    middle, dark = (DARK + BRIGHT) / 2, 75
    from_middle = middle - table["brightness"]
    return pd.concat([from_middle / (middle - dark), -from_middle / (BRIGHT - middle)], axis=1).max(axis=1)


def _occlusion(table: pd.DataFrame) -> pd.Series:
    """High for what is seen from the front and still unlike a face."""
    return -table["face_check"] - 3 * _angle(table)


def _unrealistic(table: pd.DataFrame) -> pd.Series:
    """High for few grey values in what is unlike a face."""
    return -table["entropy"] - 0.3 * table["face_check"]


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
        _occlusion,
        -4.7,
        "how unlike a face the released network's face check finds it, for a face seen from the front",
        "a hand beside a mouth from a hand over it, text across a face, and any cover that the check was not taught",
    ),
    "unrealistic": Proxy(
        _unrealistic,
        -7.0,
        "few grey values, and how unlike a face the released network's face check finds it",
        "a shaded drawing, a painting or a statue with a face's proportions, which are like a face to it",
    ),
    "lighting": Proxy(
        _lighting,
        1.0,
        "a mean grey value below 75 or above 215",
        "hard shadows on a face of average brightness, and dark skin or a dark ground from little light",
    ),
    "angle": Proxy(
        _angle,
        1.0,
        "roll by the eyes and yaw by the nose where YuNet finds a face, else asymmetry",
        "faces that look up or down; light from one side is asymmetric too",
    ),
}
