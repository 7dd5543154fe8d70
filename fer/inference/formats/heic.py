"""HEIC (HEVC in an ISO base media file), by the library pillow-heif where it is installed."""

import importlib
import importlib.util
import io
from functools import partial
from typing import Any

import cv2
import numpy as np

from fer.errors import UserError
from fer.inference.container import HEIC_BRANDS
from fer.inference.formats.still import DAMAGED, Still

SUFFIXES = (".heic", ".heif")


def can_read() -> bool:
    """Whether the library is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


def is_heic(data: bytes) -> bool:
    """Whether a file says that it is one; AVIF files, which look alike, are none."""
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS and b"avif" not in data[8:40]


def read(data: bytes) -> Still:
    """The first picture of a HEIC file; libheif turns it upright.

    Raises:
        UserError: without the library, and for a damaged file.
    """
    if not can_read():
        raise UserError("HEIC images need pillow-heif: run pip install pillow-heif, or save the image as JPEG")
    try:
        heif = importlib.import_module("pillow_heif").open_heif(io.BytesIO(data))
    except Exception as error:  # libheif's have no documented base
        raise UserError(DAMAGED) from error
    width, height = heif.size
    return Still(data, width, height, decode=partial(_decode, heif))


def _decode(heif: Any) -> np.ndarray:
    try:
        image = np.asarray(heif)
    except Exception as error:
        raise UserError(DAMAGED) from error
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(image, cv2.COLOR_RGBA2BGR if image.shape[2] == 4 else cv2.COLOR_RGB2BGR)
