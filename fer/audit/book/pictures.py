"""Pictures inside a page: small, and as data URIs."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fer.data.dataset import FaceDataset

#: Side in pixels above which a face is made smaller, and the quality of WebP (1 to 100): about 1 KB for 48 pixels.
LARGEST, QUALITY = 96, 85
#: Side of a face in an atlas, and its quality: some 0.6 KB a face.
ATLAS_SIDE, ATLAS_QUALITY = 48, 70


@dataclass(frozen=True)
class Face:
    """A face of the page.

    Attributes:
        uri: the picture.
        alt: what it is, for those who do not see it.
        title: the first line under it.
        lines: the others.
    """

    uri: str
    alt: str
    title: str
    lines: tuple[str, ...] = ()


def face_at(dataset: FaceDataset, row: int, title: str = "", lines: Sequence[str] = ()) -> Face:
    """The face of a row, with its label and split where no title is given, and its id as the last line."""
    facts = dataset.table.loc[row]
    title = title or f"{facts['emotion']}, {facts['split']}"
    return Face(
        face_uri(dataset.images[row]), f"Face {facts['source_id']}: {title}", title, (*lines, str(facts["source_id"]))
    )


def face_uri(image: np.ndarray) -> str:
    """A grey image uint8 ``[H, W]`` as WebP in a data URI, at most ``LARGEST`` pixels wide."""
    return _uri(".webp", _smaller(image, LARGEST), [cv2.IMWRITE_WEBP_QUALITY, QUALITY], "image/webp")


def exact_uri(image: np.ndarray) -> str:
    """An image uint8 ``[H, W]`` grey or ``[H, W, 3]`` RGB as PNG in a data URI, at most ``LARGEST`` pixels wide."""
    pixels = _smaller(image, LARGEST)
    return _uri(".png", pixels[:, :, ::-1] if pixels.ndim == 3 else pixels, [], "image/png")


def atlas_uri(images: Sequence[np.ndarray], columns: int) -> str:
    """Many faces as one picture, row by row, each ``ATLAS_SIDE`` pixels wide; one at least."""
    lines = -(-len(images) // columns)
    atlas = np.zeros((lines * ATLAS_SIDE, columns * ATLAS_SIDE), np.uint8)
    for place, image in enumerate(images):
        top, left = place // columns * ATLAS_SIDE, place % columns * ATLAS_SIDE
        face = cv2.resize(np.ascontiguousarray(image), (ATLAS_SIDE, ATLAS_SIDE), interpolation=cv2.INTER_AREA)
        atlas[top : top + ATLAS_SIDE, left : left + ATLAS_SIDE] = face
    return _uri(".webp", atlas, [cv2.IMWRITE_WEBP_QUALITY, ATLAS_QUALITY], "image/webp")


def _smaller(image: np.ndarray, side: int) -> np.ndarray:
    pixels = np.ascontiguousarray(image)
    if pixels.shape[1] <= side:
        return pixels
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA))


def _uri(suffix: str, pixels: np.ndarray, settings: list[int], kind: str) -> str:
    data = cv2.imencode(suffix, np.ascontiguousarray(pixels), settings)[1].tobytes()
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
