"""Flaws planted into images, grey or colour, on purpose: what the audit must find, and is measured by."""

from collections.abc import Callable

import cv2
import numpy as np

#: Grey values that a changed light may add or take, and the range of its gain and gamma.
LIGHT, GAIN, GAMMA = 30, (0.6, 1.4), (0.7, 1.4)
#: Pixels of 48 by which a copy may be shifted, the JPEG qualities of re-encoding, and the share of a side that stays.
SHIFT, QUALITY, KEPT = 3, (30, 85), (0.8, 0.92)


def flipped(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Mirrored left to right."""
    return np.ascontiguousarray(image[:, ::-1])


def shifted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moved by one to three of 48 pixels along each axis, the border repeated."""
    most = SHIFT * image.shape[0] / 48
    across, down = rng.uniform(most / 3, most, 2).round() * rng.choice([-1, 1], 2)
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def reencoded(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through a JPEG of quality 30 to 85."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*QUALITY))])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))


def relit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another gain, gamma and brightness, and light from one side."""
    values = 255 * (image / 255.0) ** rng.uniform(*GAMMA)
    side = 1 + rng.uniform(-0.3, 0.3) * np.linspace(-1, 1, image.shape[1])
    side = side.reshape(-1, *[1] * (image.ndim - 2))
    values = values * rng.uniform(*GAIN) * side + rng.uniform(-LIGHT, LIGHT)
    return np.clip(values.round(), 0, 255).astype(np.uint8)


def cropped(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A window of 80 to 92 % of the sides, anywhere in the image, enlarged again."""
    side = round(image.shape[0] * rng.uniform(*KEPT))
    top, left = rng.integers(0, image.shape[0] - side + 1, 2)
    return cv2.resize(image[top : top + side, left : left + side], image.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def mixed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrored, relit, shifted and re-encoded at once."""
    return reencoded(shifted(relit(flipped(image, rng), rng), rng), rng)


#: How a copy may differ from its original, by name.
NEAR_COPIES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "flipped": flipped,
    "shifted": shifted,
    "re-encoded": reencoded,
    "relit": relit,
    "cropped": cropped,
    "mixed": mixed,
}
