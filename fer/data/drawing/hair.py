"""Hair on the head, brows excepted, and beards."""

import cv2
import numpy as np

from fer.data.drawing.canvas import ORIGIN, SCALE, SIDE, Canvas, Turn, moved, smooth
from fer.data.drawing.face import Face, Person

_GRID_X, _GRID_Y = np.meshgrid(
    ((np.arange(SIDE) - ORIGIN[0]) / SCALE).astype(np.float32),
    ((np.arange(SIDE) - ORIGIN[1]) / SCALE).astype(np.float32),
)
_CROWN = (0.0, -1.15)
_RADIUS, _ANGLE = cv2.cartToPolar(_GRID_X - _CROWN[0], _GRID_Y - _CROWN[1])
_TURNS = 1024


def strand_texture(person: Person, rng: np.random.Generator) -> np.ndarray:
    """float32 ``[192, 192]`` grey levels: strands that run from the crown with a band of sheen, or curls."""
    if person.hair_style == "curly":
        curls = rng.normal(0, 1, (SIDE // 7, SIDE // 7)).astype(np.float32)
        pattern = cv2.resize(curls, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) * np.float32(0.42)
    else:
        wave = np.float32(rng.uniform(0, 0.14)) * np.sin(_RADIUS * np.float32(rng.uniform(4, 9)))
        profile = cv2.GaussianBlur(rng.normal(0, 1, (1, _TURNS)).astype(np.float32), (0, 0), 2.5)[0]
        turn = ((_ANGLE + wave) * np.float32(_TURNS / (2 * np.pi))).astype(np.int32) % _TURNS
        pattern = profile[turn] * np.float32(0.45)
    sheen = 0.55 * np.exp(-(((_RADIUS - np.float32(rng.uniform(0.3, 0.6))) / np.float32(0.22)) ** 2))
    base = np.float32(person.hair)
    return np.clip(base * (0.85 + pattern + sheen) + 14 * (pattern + sheen), 4, 245).astype(np.float32)


def draw_back_hair(canvas: Canvas, person: Person, strands: np.ndarray) -> None:
    """Hair that falls behind the face: long, bob, curls, and a bun's knot."""
    wide = person.width
    if person.hair_style in ("long", "fringe"):
        side = np.array([[0.0, -1.62], [0.85, -1.35], [1.26, -0.5], [1.30, 0.6], [1.25, 1.4], [1.2, 2.2]])
    elif person.hair_style == "bob":
        side = np.array([[0.0, -1.62], [0.85, -1.38], [1.26, -0.6], [1.38, 0.3], [1.30, 0.85], [0.85, 1.0]])
    elif person.hair_style == "curly":
        side = np.array([[0.0, -1.75], [0.95, -1.5], [1.42, -0.7], [1.42, 0.1], [1.2, 0.5], [0.9, 0.6]])
    else:
        return
    half = smooth(side * [wide, 1])
    canvas.fill(np.concatenate([half, half[::-1] * [-1, 1]]), strands * np.float32(0.7), blur=0.02)


def draw_front_hair(canvas: Canvas, person: Person, face: Face, turn: Turn, strands: np.ndarray) -> None:
    """Hair over the forehead and temples, cut off by the hairline of the person's style, with its shadow."""
    style, wide = person.hair_style, person.width
    if style == "bald":
        return
    line = np.array(_HAIRLINES[style])
    if style not in ("side part", "fringe"):
        line = np.concatenate([line[::-1] * [-1, 1], line[1:]])
    line = smooth(line * [wide, 1])
    outer = face.outline[face.outline[:, 1] < -0.1]
    outer = outer[np.argsort(outer[:, 0])] * [1.06, 1.0] + [0, -0.13]
    lower = turn(line)
    lower[[0, -1]] = line[[0, -1]]
    area = np.concatenate([lower, outer[::-1]])
    canvas.shade(moved(area, 0, 0.06), 0.72, blur=0.05)
    canvas.fill(area, strands, blur=0.022)
    if style in ("long", "bob", "fringe"):
        for side in (-1, 1):
            curtain = np.array(
                [[0.55, -1.2], [0.84, -0.55], [0.93, 0.0], [0.97, 0.6], [1.0, 1.0], [1.28, 1.0], [1.25, -0.6]]
            )
            canvas.fill(smooth(curtain * [side * wide, 1]), strands, blur=0.02)


#: Lower edge of the front hair in face units: from the middle to the right temple, or from temple to temple.
_HAIRLINES = {
    "short": [(0.0, -0.82), (0.35, -0.84), (0.62, -0.74), (0.76, -0.45), (0.88, -0.30), (0.95, -0.02), (1.04, 0.02)],
    "receding": [(0.0, -1.00), (0.3, -1.12), (0.6, -1.0), (0.8, -0.6), (0.92, -0.3), (0.97, -0.02), (1.04, 0.02)],
    "curly": [(0.0, -0.72), (0.3, -0.80), (0.6, -0.66), (0.8, -0.40), (0.9, -0.1), (0.98, 0.1), (1.12, 0.1)],
    "bun": [(0.0, -0.95), (0.35, -0.92), (0.66, -0.74), (0.82, -0.42), (0.92, -0.2), (0.98, -0.05), (1.03, -0.05)],
    "long": [(0.0, -1.05), (0.18, -0.85), (0.5, -0.66), (0.76, -0.4), (0.88, 0.0), (0.96, 0.3), (1.12, 0.4)],
    "bob": [(0.0, -0.98), (0.25, -0.80), (0.6, -0.60), (0.8, -0.35), (0.88, 0.0), (0.94, 0.35), (1.15, 0.4)],
    "fringe": [
        (-1.1, 0.3),
        (-0.94, 0.2),
        (-0.84, -0.3),
        (-0.6, -0.44),
        (-0.25, -0.47),
        (0.1, -0.45),
        (0.45, -0.46),
        (0.7, -0.38),
        (0.86, -0.2),
        (0.95, 0.2),
        (1.1, 0.3),
    ],
    "side part": [
        (-1.04, 0.0),
        (-0.93, -0.05),
        (-0.85, -0.4),
        (-0.62, -0.85),
        (-0.4, -1.0),
        (0.0, -0.78),
        (0.45, -0.62),
        (0.78, -0.48),
        (0.88, -0.25),
        (0.95, 0.0),
        (1.04, 0.0),
    ],
}


def draw_facial_hair(canvas: Canvas, person: Person, face: Face, turn: Turn, rng: np.random.Generator) -> None:
    """Stubble to a full beard on the jaw, and a moustache; the lips stay free."""
    tone = min(person.hair, person.skin * 0.6)
    lips = turn(np.concatenate([face.upper_lip[0], face.lower_lip[0][::-1]]))
    if person.beard:
        below = face.outline[face.outline[:, 1] > 0.25]
        below = below[np.argsort(np.arctan2(below[:, 0], below[:, 1] - 0.2))]
        corner = turn(face.upper_lip[0][[0, -1]])
        upper = np.array(
            [
                [0.75 * person.width, 0.55],
                corner[1] + [0.14, -0.10],
                corner[0] + [-0.14, -0.10],
                [-0.75 * person.width, 0.55],
            ]
        )
        kept = canvas.pixels.copy()
        grain = rng.normal(0, 1, (SIDE // 3, SIDE // 3)).astype(np.float32)
        speckle = cv2.resize(grain, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        fur = np.clip(tone * (1 + 0.25 * speckle) + 8 * speckle, 3, 240).astype(np.float32)
        canvas.fill(np.concatenate([below, upper]), fur, 0.30 + 0.5 * person.beard, blur=0.05)
        canvas.fill(lips, kept, blur=0.012)
    if person.moustache:
        edge = turn(face.upper_lip[0])
        half = edge[[1, 4, 8, 12, 16, 20, 23]]
        top = half - np.array([[0, 0.03], [0, 0.07], [0, 0.10], [0, 0.10], [0, 0.10], [0, 0.07], [0, 0.03]])
        canvas.fill(
            np.concatenate([moved(half, 0, -0.012), smooth(top)[::-1]]), tone, 0.35 + 0.5 * person.moustache, blur=0.025
        )
