"""BMP, of Windows and of OS/2."""

import struct

from fer.inference.formats.still import Still, sound


def read(data: bytes) -> Still:
    """The picture of a BMP file.

    Raises:
        UserError: for a header of another length.
        struct.error: where the header is cut short.
    """
    (length,) = struct.unpack_from("<I", data, 14)
    sound(length == 12 or length >= 36)  # what the decoder knows
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    return Still(data, abs(width), abs(height), 32)
