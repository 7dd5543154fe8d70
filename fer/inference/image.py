"""From what people have (a file, its bytes, an array, a PIL image) to upright BGR pixels."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fer.errors import UserError
from fer.inference.formats import read_still
from fer.inference.formats.exif import upright
from fer.inference.formats.still import DAMAGED, Still
from fer.inference.media import is_address

#: Larger images are refused before a pixel is decoded: a file of a few kilobytes can claim gigapixels. Medium-format
#: cameras write 102 megapixels, phones 108.
MAX_PIXELS = 120_000_000
#: Bytes of the decoded image, as the decoder holds it: so many pixels of 8 bits and four channels.
MAX_BYTES = 4 * MAX_PIXELS
#: Scans of a progressive JPEG, of any and of a large one: cameras and tools write about ten; each costs a pass over all
#: of its pixels, and more than a few no more than so many of them.
MAX_SCANS, FEW_SCANS, MAX_SCANNED = 100, 16, 400_000_000
#: Bytes of a file: nothing larger is read into memory.
MAX_FILE = 128 * 2**20

_TAKEN = "give a path, an open file, its bytes, an array or a PIL image"
_ORIENTATION = 0x0112


def load_image(source: Any) -> np.ndarray:
    """The pixels of an image, upright.

    Args:
        source: a path (str or Path), an open file in binary mode, or the bytes of a file, in a format of
            ``fer.inference.formats``: the first picture is read, and turned upright by its EXIF tag; an array or nested
            lists ``[H, W]`` grey, ``[H, W, 3]`` BGR or ``[H, W, 4]`` BGRA of whole numbers 0 to 255 or of floats 0 to
            1; or a PIL image.

    Returns:
        uint8 ``[H, W, 3]`` in BGR order; grey images have three equal channels.

    Raises:
        UserError: for anything else; for a file that is missing, damaged, or too large to be decoded: more than
            ``MAX_PIXELS``, ``MAX_BYTES`` or ``MAX_SCANS``. These suit files of one's own: whoever takes files of
            strangers sets lower ones first, as ``fer.serving`` does.
    """
    if isinstance(source, str | Path):
        return _load_file(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return decode(read_still(bytes(source)))
    if hasattr(source, "getexif") and hasattr(source, "convert"):
        return _of_pil(source)
    if hasattr(source, "read"):
        return decode(read_still(_read(source)))
    return _of_array(source)


def _load_file(source: str | Path) -> np.ndarray:
    if is_address(str(source)):
        raise UserError(f"{source}: is an address; download the image, and name its file")
    path = Path(source)
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; name an image in it")
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is no regular file; name an image")
        if path.stat().st_size > MAX_FILE:
            raise UserError(f"{path}: has more than {MAX_FILE >> 20} MiB; give a smaller image")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:  # a NUL in the name
        raise UserError(f"{str(source)[:80]!r} is no path ({error}); {_TAKEN}") from error
    try:
        return decode(read_still(data))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _read(file: Any) -> bytes:
    data = file.read(MAX_FILE + 1)
    if not isinstance(data, bytes):
        raise UserError("an open file must give bytes; open it in binary mode: open(path, 'rb')")
    if len(data) > MAX_FILE:
        raise UserError(f"the file has more than {MAX_FILE >> 20} MiB; give a smaller image")
    return data


def decode(still: Still) -> np.ndarray:
    """The pixels of a file's first picture, upright, as ``load_image`` gives them.

    Raises:
        UserError: where it is too large to be decoded, or damaged.
    """
    _check_limits(still)
    if still.decode:
        return still.decode()
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(still.data, np.uint8), flags)
    except cv2.error as error:
        raise UserError(DAMAGED) from error
    if image is None:
        raise UserError(DAMAGED)
    return upright(image, still.orientation)


def _check_limits(still: Still) -> None:
    pixels = still.width * still.height
    if pixels > MAX_PIXELS:
        limit = f"{MAX_PIXELS / 1e6:g} megapixels"
        raise UserError(f"the image has {still.width}x{still.height} pixels, more than {limit}; give a smaller one")
    if (size := pixels * still.bits // 8) > MAX_BYTES:
        limit = f"more than {MAX_BYTES / 1e6:g} MB"
        raise UserError(f"the image takes {size / 1e6:.0f} MB when decoded, {limit}; give a smaller one or 8 bits")
    if still.scans > MAX_SCANS or (still.scans > FEW_SCANS and still.scans * pixels > MAX_SCANNED):
        raise UserError(f"the JPEG image has {still.scans} scans, too many for its size; save it again")
    if pixels <= 0:
        raise UserError("the image has no pixels; give another one")
    if still.check:
        still.check()


def _of_pil(image: Any) -> np.ndarray:
    """A PIL image, known by its methods: the library need not be there."""
    width, height = image.size
    _check_limits(Still(b"", width, height))
    try:
        turned = image.getexif().get(_ORIENTATION, 1)
        if image.mode not in {"RGB", "L"}:
            if image.mode.startswith(("I", "F")):
                raise UserError(f"a PIL image of mode {image.mode} has no fixed range; convert it to L or RGB")
            image = image.convert("RGB")
        pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError) as error:  # PIL reads the file only now
        raise UserError(f"the PIL image cannot be decoded ({error}); its file is damaged") from error
    return upright(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR if pixels.ndim == 2 else cv2.COLOR_RGB2BGR), turned)


def _of_array(source: Any) -> np.ndarray:
    if not (isinstance(source, list | tuple) or hasattr(source, "__array_interface__") or hasattr(source, "__array__")):
        raise UserError(f"an image cannot be of type {type(source).__name__}; {_TAKEN}")
    try:
        array = np.asarray(source)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"an image's rows must have one length and hold numbers; {_TAKEN}") from error
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {3, 4}):
        shapes = "[H, W], [H, W, 3] (BGR) or [H, W, 4] (BGRA)"
        raise UserError(f"an image must have the shape {shapes}, got {list(array.shape)}; give one image at a time")
    array = np.ascontiguousarray(_as_uint8(array))
    if array.ndim == 2:
        return cv2.cvtColor(array, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(array, cv2.COLOR_BGRA2BGR) if array.shape[2] == 4 else array


def _as_uint8(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iuf":
        raise UserError(f"an image must hold numbers, got {array.dtype}; give uint8, or floats from 0 to 1")
    least, most = array.min(), array.max()
    if array.dtype.kind == "f":
        if not (least >= 0 and most <= 1):  # NaN is neither
            values = f"got {least:g} to {most:g}; divide by the largest value, or convert to uint8"
            raise UserError(f"an image of floats must lie between 0 and 1, {values}")
        return np.rint(array * 255).astype(np.uint8)
    if least < 0 or most > 255:
        values = f"got {least} to {most}; scale to uint8"
        raise UserError(f"an image of whole numbers must lie between 0 and 255, {values}")
    return array.astype(np.uint8)
