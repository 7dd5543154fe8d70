"""What covers a face: glasses, a hand, a lock of hair."""

import numpy as np

from fer.data.drawing.canvas import Canvas, Turn, ellipse, moved, smooth
from fer.data.drawing.face import Face, Person

COVERS = ("none", "glasses", "hand", "hair")


def draw_cover(
    kind: str,
    canvas: Canvas,
    person: Person,
    face: Face,
    turn: Turn,
    strands: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Draw one of ``COVERS`` over a finished face; ``strands`` is the texture of the person's hair."""
    if kind == "glasses":
        _draw_glasses(canvas, person, face, turn, rng)
    elif kind == "hand":
        _draw_hand(canvas, person, rng)
    elif kind == "hair":
        _draw_lock(canvas, person, strands, rng)


def _draw_glasses(canvas: Canvas, person: Person, face: Face, turn: Turn, rng: np.random.Generator) -> None:
    """Frames from round to square, thin to thick; some with glare, some dark."""
    dark = rng.random() < 0.15
    half_width, half_height = rng.uniform(0.24, 0.31), rng.uniform(0.17, 0.27)
    width, tone = rng.uniform(0.02, 0.045), rng.uniform(10, 70)
    power = rng.uniform(2.0, 4.0)
    circle = ellipse((0, 0), 1, 1)
    centres = turn(moved(face.irises, 0, 0.04))
    for side, centre in enumerate(centres):
        lens = centre + np.sign(circle) * np.abs(circle) ** (2 / power) * [half_width, half_height]
        if dark:
            canvas.fill(lens, 20, 0.88)
        elif rng.random() < 0.5:
            glare = centre + np.array([[-0.12, 0.1], [-0.02, -0.14], [0.05, -0.14], [-0.05, 0.1]])
            canvas.fill(glare, 250, 0.35, blur=0.02)
        canvas.line(np.concatenate([lens, lens[:1]]), width, tone)
        outward = 2 * side - 1
        hinge = moved(centre, outward * half_width, -0.05)
        canvas.line(np.array([hinge, [outward * person.width * 1.02, -0.03]]), width, tone)
    left, right = moved(centres[0], half_width, -0.03), moved(centres[1], -half_width, -0.03)
    bridge = np.array([left, moved((left + right) / 2, 0, -0.04), right])
    canvas.line(smooth(bridge), width, tone)


def _draw_hand(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    """Fingers that reach from below over one cheek, at times to the mouth."""
    side = rng.choice([-1, 1])
    reach = rng.uniform(-0.15, 0.25)
    palm = np.array([[0.55, 1.25], [1.2, 1.0], [1.6, 1.9], [0.6, 1.9]]) * [side, 1]
    canvas.shade(moved(palm, -side * 0.04, -0.05), 0.6, blur=0.06)
    canvas.fill(palm, person.skin * 0.86, blur=0.03)
    for finger in range(4):
        root = np.array([(0.62 + 0.17 * finger) * side, 1.3 - 0.06 * finger])
        end = np.array([(0.34 + 0.2 * finger) * side, 0.62 + reach - 0.1 * (finger in (1, 2)) + 0.05 * (finger == 3)])
        bone = smooth(np.array([root, moved((root + end) / 2, 0.04 * side, 0), end]))
        canvas.line(bone, 0.205, person.skin * 0.45, 0.7, blur=0.02)
        canvas.line(bone, 0.175, person.skin * 0.82, blur=0.012)
        canvas.line(moved(bone, -0.02, 0), 0.07, min(255, person.skin * 1.02), 0.8, blur=0.03)
        canvas.fill(ellipse(moved(end, 0, -0.02), 0.045, 0.055), min(255, person.skin * 1.1), 0.8, blur=0.015)


def _draw_lock(canvas: Canvas, person: Person, strands: np.ndarray, rng: np.random.Generator) -> None:
    """A lock that falls over one brow and part of its eye."""
    side = rng.choice([-1, 1])
    deep = rng.uniform(0.0, 0.22)
    lock = np.array(
        [
            [-0.25, -1.0],
            [0.08, -0.55],
            [0.34, -0.15 + deep / 2],
            [0.55, 0.15 + deep],
            [0.70, 0.6],
            [0.78, 1.1],
            [1.3, 1.1],
            [1.1, -0.8],
        ]
    )
    lock = lock * [side, 1]
    canvas.shade(moved(lock, 0, 0.05), 0.6, blur=0.04)
    canvas.fill(smooth(lock), strands, 0.95, blur=0.01)
