"""Augmentation and mixup inside the compiled training step, by Keras' operations alone.

The changes are those of ``fer.training.augmentation`` and ``fer.training.batches``: the same ranges and the same
pixels, drawn by a hash in place of NumPy's generator, so that a view is a function of seed, epoch and row on every
backend, whatever the batch.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from scipy.special import betaincinv

if TYPE_CHECKING:
    from fer.recipe import Augmentation

#: Erasing, as ``fer.training.augmentation`` has it, which needs OpenCV; a test compares them.
ERASED_AREA, ERASED_ASPECT = (0.02, 0.2), (0.3, 3.3)
#: What a view draws, in this order: uniform numbers from 0 to 1.
DRAWS = ("flip", "right", "down", "angle", "scale", "gain", "offset", "erase", "area", "aspect", "top", "left", "share")
#: Points of the table by which mixup's shares are drawn.
QUANTILES = 4096
#: Multipliers of a 32-bit hash with little bias (Wellons 2018, lowbias32) and of its keys (Knuth), as int32.
_FIRST, _SECOND, _KEY = (np.array([0x7FEB352D, 0x846CA68B, 0x9E3779B1], np.uint32).astype(np.int32)).tolist()


def as_int32(seed: int) -> int:
    """A seed of up to 32 bits as the int32 of the same bits."""
    return int(np.uint32(seed).astype(np.int32))


def uniform(seed: Any, epoch: Any, rows: Any) -> dict[str, Any]:
    """Numbers float32 ``[B]`` in [0, 1) for every one of ``DRAWS``, a function of seed, epoch and row.

    Args:
        seed: int32 scalar, of ``as_int32``.
        epoch: int32 scalar.
        rows: int32 ``[B]``.
    """
    key = _hash(_hash(ops.convert_to_tensor(seed, "int32")) ^ epoch * _KEY)
    numbers = _hash(key ^ rows * _KEY)
    drawn = {}
    for place, name in enumerate(DRAWS):
        bits = _shift(_hash(numbers ^ (place + 1) * 0x01000193), 8)
        drawn[name] = ops.cast(bits, "float32") * np.float32(2**-24)
    return drawn


def _hash(x: Any) -> Any:
    """A permutation of the 32-bit integers; their products wrap around in every backend."""
    x = (x ^ _shift(x, 16)) * _FIRST
    x = (x ^ _shift(x, 15)) * _SECOND
    return x ^ _shift(x, 16)


def _shift(x: Any, bits: int) -> Any:
    """A logical shift to the right of int32, whose own keeps the sign."""
    return ops.bitwise_and(ops.right_shift(x, bits), (1 << (32 - bits)) - 1)


def augment(faces: Any, settings: "Augmentation", drawn: dict[str, Any]) -> Any:
    """Flip, move, relight and erase a part of every face, as ``fer.training.augmentation.augment`` does.

    Args:
        faces: float32 ``[B, H, W]`` of whole grey levels.
        settings: the ranges; all zero gives the faces back.
        drawn: of ``uniform``.

    Returns:
        float32 ``[B, H, W]`` of whole grey levels 0 to 255.
    """
    if settings.flip:
        faces = ops.where((drawn["flip"] < settings.flip)[:, None, None], ops.flip(faces, axis=2), faces)
    if settings.shift or settings.rotate or settings.scale:
        faces = ops.round(_moved(faces, settings, drawn))
    if settings.brightness or settings.contrast:
        gains = 1 + settings.contrast * _signed(drawn["gain"])
        offsets = 255 * settings.brightness * _signed(drawn["offset"])
        means = ops.mean(faces, axis=(1, 2), keepdims=True)
        relit = (faces - means) * gains[:, None, None] + means + offsets[:, None, None]
        faces = ops.clip(ops.round(relit), 0, 255)
    return _erased(faces, settings.erase, drawn) if settings.erase else faces


def _signed(numbers: Any) -> Any:
    return 2 * numbers - 1


def _moved(faces: Any, settings: "Augmentation", drawn: dict[str, Any]) -> Any:
    """Turned and scaled about the middle, then shifted, by bilinear interpolation; borders are repeated."""
    height, width = faces.shape[1:]
    angles = ops.expand_dims(settings.rotate * np.float32(np.pi / 180) * _signed(drawn["angle"]), (1, 2))
    scales = ops.expand_dims(1 + settings.scale * _signed(drawn["scale"]), (1, 2))
    right, down = (
        ops.expand_dims(side * settings.shift * _signed(drawn[name]), (1, 2))
        for side, name in ((width, "right"), (height, "down"))
    )
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    # From a place in the view back to its place in the face.
    x = ops.reshape(ops.arange(width, dtype="float32"), (1, 1, width)) - middle_x - right
    y = ops.reshape(ops.arange(height, dtype="float32"), (1, height, 1)) - middle_y - down
    cosines, sines = ops.cos(angles) / scales, ops.sin(angles) / scales
    return _sampled(faces, cosines * x - sines * y + middle_x, sines * x + cosines * y + middle_y)


def _sampled(faces: Any, x: Any, y: Any) -> Any:
    """Grey levels float32 ``[B, H, W]`` at places float32 ``[B, H, W]``."""
    height, width = faces.shape[1:]
    x, y = ops.clip(x, 0, width - 1), ops.clip(y, 0, height - 1)
    left, top = ops.floor(x), ops.floor(y)
    flat = ops.reshape(faces, (-1, height * width))

    def at(rows: Any, columns: Any) -> Any:
        places = ops.cast(ops.minimum(rows, height - 1) * width + ops.minimum(columns, width - 1), "int32")
        taken = ops.take_along_axis(flat, ops.reshape(places, (-1, height * width)), axis=1)
        return ops.reshape(taken, (-1, height, width))

    over, under = x - left, y - top
    upper = at(top, left) * (1 - over) + at(top, left + 1) * over
    lower = at(top + 1, left) * (1 - over) + at(top + 1, left + 1) * over
    return upper * (1 - under) + lower * under


def _erased(faces: Any, probability: float, drawn: dict[str, Any]) -> Any:
    """A rectangle of some of the faces filled with their mean grey."""
    height, width = faces.shape[1:]
    area = height * width * _between(drawn["area"], *ERASED_AREA)
    aspect = ops.exp(_between(drawn["aspect"], *np.log(ERASED_ASPECT)))
    rows = ops.clip(ops.round(ops.sqrt(area * aspect)), 1, height)
    columns = ops.clip(ops.round(ops.sqrt(area / aspect)), 1, width)
    top = ops.floor(drawn["top"] * (height - rows + 1))
    left = ops.floor(drawn["left"] * (width - columns + 1))
    y, x = ops.arange(height, dtype="float32")[None, :], ops.arange(width, dtype="float32")[None, :]
    in_rows = ops.logical_and(y >= top[:, None], y < (top + rows)[:, None])
    in_columns = ops.logical_and(x >= left[:, None], x < (left + columns)[:, None])
    chosen = (drawn["erase"] < probability)[:, None, None]
    inside = ops.logical_and(ops.logical_and(in_rows[:, :, None], in_columns[:, None, :]), chosen)
    return ops.where(inside, ops.round(ops.mean(faces, axis=(1, 2), keepdims=True)), faces)


def _between(numbers: Any, low: float, high: float) -> Any:
    return np.float32(low) + np.float32(high - low) * numbers


def share_table(alpha: float) -> np.ndarray:
    """float32 ``[QUANTILES]``: a face's own share in mixup, at evenly spaced probabilities: max(b, 1 - b) of a Beta."""
    # The larger of b and 1 - b has the upper half of the Beta's distribution, which is symmetric.
    return betaincinv(alpha, alpha, 0.5 + 0.5 * (np.arange(QUANTILES) + 0.5) / QUANTILES).astype(np.float32)


def mix(values: Any, own: Any) -> Any:
    """Every row blended with the one before it in the batch, whose order is random; ``own`` float32 ``[B]``."""
    share = ops.reshape(own, (-1, *[1] * (len(values.shape) - 1)))
    return share * values + (1 - share) * ops.roll(values, 1, axis=0)
