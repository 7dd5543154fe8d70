"""Test-time augmentation: a face seen in ten ways."""

from collections.abc import Iterator

import numpy as np

#: Pixels by which a view is moved.
SHIFT = 2
#: Columns and rows by which each view is moved: in place, then towards every corner.
MOVES = ((0, 0), (-SHIFT, -SHIFT), (-SHIFT, SHIFT), (SHIFT, -SHIFT), (SHIFT, SHIFT))


def ten_views(faces: np.ndarray) -> Iterator[np.ndarray]:
    """Every face and its mirror image, each in place and moved by 2 pixels towards every corner.

    For a network that sees the central 44 of 48 pixels these are the ten crops of Krizhevsky et al. (2012): corners,
    centre and their mirror images. Their predictions are averaged.

    Args:
        faces: uint8 ``[N, 48, 48]``.

    Yields:
        uint8 ``[N, 48, 48]``, ten times; pixels from outside the image repeat its border.
    """
    height, width = faces.shape[1:]
    padded = np.pad(faces, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), mode="edge")
    for down, right in MOVES:
        top, left = SHIFT - down, SHIFT - right
        view = padded[:, top : top + height, left : left + width]
        yield view
        yield view[:, :, ::-1]
