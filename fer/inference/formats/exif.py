"""How a picture was held: the orientation of EXIF 2.32, and the picture turned upright by it."""

import struct

import cv2
import numpy as np

_ORIENTATION, _SHORT = 0x0112, 3
#: How to turn a stored picture upright, by orientation: a mirroring (cv2.flip's code) and then a rotation.
_TURNS = {
    2: (1, None),
    3: (None, cv2.ROTATE_180),
    4: (0, None),
    5: (1, cv2.ROTATE_90_COUNTERCLOCKWISE),
    6: (None, cv2.ROTATE_90_CLOCKWISE),
    7: (1, cv2.ROTATE_90_CLOCKWISE),
    8: (None, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block (with or without ``Exif`` before it); 1 where it says none."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == _ORIENTATION and kind == _SHORT:
                return value if value in _TURNS else 1
    except struct.error:
        pass  # a damaged block says nothing
    return 1


def upright(image: np.ndarray, turned: int) -> np.ndarray:
    """``image`` turned upright by its orientation, 1 to 8."""
    mirror, rotation = _TURNS.get(turned, (None, None))
    if mirror is not None:
        image = cv2.flip(image, mirror)
    return image if rotation is None else cv2.rotate(image, rotation)
