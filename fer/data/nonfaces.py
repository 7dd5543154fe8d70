"""Images of 48x48 that are no faces, made from nothing and from faces: what a face check learns to refuse.

No photo is needed: a champion trained on anybody's faces gets a check of its own, offline.
"""

import cv2
import numpy as np

from fer.inference.face_size import FACE_SIZE as SIDE


def draw_nonfaces(faces: np.ndarray, count: int, seed: int) -> np.ndarray:
    """About as many of every kind: noise, patterns, heaps of shapes, and faces shuffled, cut, turned or moved away.

    Args:
        faces: uint8 ``[N, 48, 48]``, of which some are made.
        count: images to make.
        seed: of the random choices.

    Returns:
        uint8 ``[count, 48, 48]``.
    """
    rng = np.random.default_rng(seed)
    # Shapes and spoiled faces are the hardest to tell from a face: two of each to one of noise and of patterns.
    drawn = (noise, pattern, heap, heap)
    spoiled = (shuffled, zoomed, misplaced) * 2
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        kind = number % (len(drawn) + len(spoiled))
        if kind < len(drawn):
            made = drawn[kind](rng)
        else:
            made = spoiled[kind - len(drawn)](rng, faces[rng.integers(len(faces))])
        images[number] = np.clip(made, 0, 255)
    return images


def noise(rng: np.random.Generator) -> np.ndarray:
    """White (uniform or normal), averaged down, salt and pepper, or 1/f noise: float ``[48, 48]``."""
    kind = rng.integers(5)
    if kind == 0:
        return rng.integers(0, 256, (SIDE, SIDE)).astype(float)
    if kind == 1:
        return rng.uniform(60, 190) + rng.uniform(5, 60) * rng.normal(size=(SIDE, SIDE))
    if kind == 2:
        large = int(rng.integers(SIDE, 4 * SIDE))
        return cv2.resize(rng.uniform(0, 255, (large, large)), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if kind == 3:
        image, share = np.full((SIDE, SIDE), rng.uniform(0, 255)), rng.uniform(0.02, 0.5)
        where = rng.random((SIDE, SIDE))
        image[where < share / 2], image[where > 1 - share / 2] = 0, 255
        return image
    return 128 + rng.uniform(20, 60) * _one_over_f(rng, rng.uniform(0.5, 1.5))


def pattern(rng: np.random.Generator) -> np.ndarray:
    """A chequer, stripes, a gradient, writing or one grey: float ``[48, 48]``."""
    down, right = np.mgrid[:SIDE, :SIDE]
    dark, light = rng.uniform(0, 255, 2)
    kind, angle = rng.integers(5), rng.uniform(0, 2 * np.pi)
    if kind == 0:
        side, (top, left) = rng.integers(2, 24), rng.integers(0, 24, 2)
        return np.where(((down + top) // side + (right + left) // side) % 2, dark, light)
    if kind == 1:
        wave = 2 * np.pi * (right * np.cos(angle) + down * np.sin(angle)) / rng.uniform(3, 30)
        return np.where(np.sin(wave + rng.uniform(0, 6)) > 0, dark, light)
    if kind == 2:
        slope = right * np.cos(angle) + down * np.sin(angle)
        round_ = np.hypot(right - rng.uniform(0, SIDE), down - rng.uniform(0, SIDE))
        ramp = slope if rng.random() < 0.5 else round_
        return dark + (light - dark) * (ramp - ramp.min()) / np.ptp(ramp)
    if kind == 3:
        page = np.full((4 * SIDE, 4 * SIDE), dark, np.uint8)
        for _ in range(rng.integers(1, 8)):
            words = "".join(chr(code) for code in rng.integers(33, 126, rng.integers(2, 12)))
            place, font = (int(rng.integers(-20, 80)), int(rng.integers(20, 190))), int(rng.integers(0, 5))
            cv2.putText(page, words, place, font, rng.uniform(0.7, 4), (light,), int(rng.integers(1, 6)), cv2.LINE_AA)
        return cv2.resize(page, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(float)
    return np.full((SIDE, SIDE), dark)


def heap(rng: np.random.Generator) -> np.ndarray:
    """Shapes of all sizes that cover each other, as natural as drawn images get (dead leaves; Lee et al. 2001)."""
    image = np.full((2 * SIDE, 2 * SIDE), rng.uniform(0, 255))
    for _ in range(rng.integers(5, 120)):
        radius = int(np.clip(4 / rng.random() ** 0.7, 3, 50))
        middle = (int(rng.integers(0, 2 * SIDE)), int(rng.integers(0, 2 * SIDE)))
        axes = (radius, radius if rng.random() < 0.5 else max(1, int(radius * rng.uniform(0.1, 0.8))))
        cv2.ellipse(image, middle, axes, rng.uniform(0, 180), 0, 360, (rng.uniform(0, 255),), -1)
    if rng.random() < 0.5:
        grain = np.kron(_one_over_f(rng, rng.uniform(0.5, 1.3)), np.ones((2, 2)))
        image += rng.uniform(3, 25) * grain
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 3))
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def shuffled(rng: np.random.Generator, face: np.ndarray) -> np.ndarray:
    """A face whose squares have changed places."""
    side = int(rng.choice([8, 12, 16, 24]))
    across = SIDE // side
    squares = face.reshape(across, side, across, side).swapaxes(1, 2).reshape(-1, side, side)
    mixed = squares[rng.permutation(len(squares))].reshape(across, across, side, side)
    return mixed.swapaxes(1, 2).reshape(SIDE, SIDE)


def zoomed(rng: np.random.Generator, face: np.ndarray) -> np.ndarray:
    """A part of a face, a fifth to a half of it wide."""
    side = int(rng.integers(10, 24))
    top, left = rng.integers(0, SIDE - side + 1, 2)
    return cv2.resize(face[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def misplaced(rng: np.random.Generator, face: np.ndarray) -> np.ndarray:
    """A face turned by quarters, or moved so far that its edge mirrors half of it."""
    if rng.random() < 2 / 3:
        return np.rot90(face, int(rng.integers(1, 4)))
    moves = ((24, 0), (-24, 0), (0, 24), (0, -24), (20, 20), (-20, 20), (20, -20), (-20, -20))
    right, down = moves[rng.integers(len(moves))]
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(np.ascontiguousarray(face), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)


def _one_over_f(rng: np.random.Generator, power: float) -> np.ndarray:
    """Noise whose amplitude falls with frequency to this power: float ``[48, 48]`` of deviation 1."""
    cycles = np.fft.fftfreq(SIDE)
    radius = np.hypot(cycles[:, None], cycles)
    radius[0, 0] = 1 / SIDE
    image = np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) / radius**power).real
    return image / image.std()
