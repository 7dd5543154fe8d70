"""The side of a face. A module of its own: the networks depend on it, not on how images are decoded."""

#: Pixels: every network takes faces uint8 ``[N, 48, 48]``.
FACE_SIZE = 48
