"""The features of a face painted on its skin: mouth, eyes, nose, brows and wrinkles."""

from collections.abc import Mapping

import numpy as np

from fer.data.drawing.canvas import Canvas, Turn, ellipse, moved, smooth
from fer.data.drawing.face import Face, Person

_ROW = np.linspace(-1, 1, 19)


def draw_mouth(canvas: Canvas, person: Person, face: Face, turn: Turn) -> None:
    """Lips, and where they part, teeth and tongue."""
    upper, lower = turn(face.upper_lip), turn(face.lower_lip)
    tone = person.skin * (1 - person.lip_contrast)
    opening = np.concatenate([upper[1], lower[1][::-1]])
    canvas.fill(np.concatenate([upper[0], lower[0][::-1]]), tone, blur=0.012)
    canvas.shade(np.concatenate([upper[0], upper[1][::-1]]), 0.88, blur=0.012)
    gap = float((lower[1] - upper[1])[:, 1].max())
    if gap > 0.02:
        canvas.fill(opening, 22)
        # Upper teeth hang straight from the gum and hide behind a high lip.
        inside = upper[1][3:-3]
        edge = np.minimum(lower[1][3:-3], inside + np.stack([0 * _ROW, 0.115 * (1 - _ROW**4)], axis=1))
        canvas.fill(np.concatenate([inside, edge[::-1]]), min(245, 150 + 0.5 * person.skin), 0.92, blur=0.008)
        if gap > 0.16:
            tongue = np.maximum(upper[1], moved(lower[1], 0, -0.14))[6:-6]
            canvas.fill(np.concatenate([tongue, lower[1][6:-6][::-1]]), person.skin * 0.5, 0.8, blur=0.02)
    canvas.crease(upper[1], 0.016, 0.72 if gap <= 0.02 else 0.5, blur=0.006)
    canvas.crease(lower[1], 0.012, 0.3, blur=0.008)
    for corner in (upper[0][0], upper[0][-1]):
        canvas.shade(ellipse(corner, 0.03, 0.02), 0.75, blur=0.02)
    canvas.shade(ellipse(moved(lower[0][12], 0, 0.06), 0.17, 0.03), 0.72, blur=0.03)


def draw_eyes(canvas: Canvas, person: Person, face: Face, units: Mapping[int, float], turn: Turn) -> None:
    """Lids around an eyeball; the lids' shade, bags with age, and the crease that AU 5 draws up."""
    for side in range(2):
        upper, lower, iris = turn(face.upper_lids[side]), turn(face.lower_lids[side]), turn(face.irises[side])
        eye = np.concatenate([upper, lower[::-1]])
        middle = eye.mean(axis=0)
        # The socket's shade, the eye, and last its lids: lashes above, a thin rim below.
        canvas.shade(ellipse(moved(middle, 0, -0.06), 0.24, 0.12), 0.80, blur=0.06)
        canvas.shade(ellipse(moved(middle, 0, 0.13), 0.17, 0.035), 1 - 0.16 - 0.2 * person.age, blur=0.03)
        ball = Canvas(min(236, 110 + 0.62 * person.skin))
        ball.fill(ellipse(iris, 0.088, 0.088), person.iris, blur=0.008)
        ball.fill(ellipse(iris, 0.04, 0.04), 8)
        ball.fill(ellipse(moved(iris, -0.03, -0.03), 0.02, 0.02), 245)
        ball.shade(np.concatenate([upper, moved(upper[::-1], 0, 0.045)]), 0.55, blur=0.014)
        canvas.fill(eye, ball.pixels)
        canvas.line(upper, 0.032, 22, 0.9, blur=0.006)
        canvas.crease(lower, 0.018, 0.4, blur=0.008)
        raised = 0.075 - 0.03 * units.get(5, 0)
        canvas.crease(moved(upper[1:-1], 0, -raised), 0.018, 0.34, blur=0.012)


def draw_nose(canvas: Canvas, face: Face, turn: Turn) -> None:
    """Nostrils, the rims of the wings and the shadow below the tip; the relief does the rest."""
    left, tip, right = turn(face.nose)
    canvas.shade(ellipse(moved(tip, 0, 0.085), (right[0] - left[0]) * 0.46, 0.045), 0.62, blur=0.03)
    for wing, side in ((left, -1), (right, 1)):
        inner = wing * 0.55 + tip * 0.45
        canvas.fill(ellipse(moved(inner, 0, 0.055), 0.045, 0.024), 25, 0.85, blur=0.012)
        rim = wing + np.array(
            [[-0.03 * side, -0.08], [0.012 * side, -0.04], [0.015 * side, 0.01], [-0.02 * side, 0.055]]
        )
        canvas.crease(smooth(rim), 0.022, 0.42, blur=0.016)


def draw_brows(canvas: Canvas, person: Person, face: Face, turn: Turn) -> None:
    """Two tapering bands of hair."""
    tone = min(person.hair, person.skin * 0.55)
    for side in range(2):
        middle = smooth(turn(face.brows[side]))
        along = np.linspace(0, 1, len(middle))[:, None]
        half = 0.053 * person.brow_thickness * np.clip(1.15 - along**2, 0.1, 1) * np.clip(along * 6 + 0.45, 0, 1)
        lift = np.concatenate([np.zeros_like(half), half], axis=1)
        canvas.fill(np.concatenate([middle - lift, (middle + lift)[::-1]]), tone, 0.85, blur=0.016)


def draw_wrinkles(canvas: Canvas, person: Person, face: Face, units: Mapping[int, float], turn: Turn) -> None:
    """Furrows that come with age and with the units that FACS names for them."""
    au = {unit: units.get(unit, 0.0) for unit in (1, 2, 4, 6, 9, 12, 15)}
    _draw_forehead(canvas, person, au, turn)
    age = person.age
    fold_depth = min(0.5, 0.03 + 0.25 * age + 0.30 * au[12] + 0.28 * au[9])
    for side in (-1, 1):
        right = max(side, 0)
        canvas.crease(turn(smooth(face.folds[right])), 0.035, fold_depth, blur=0.025)
        for row in range(3):
            snarl = np.array([[0.03 * side, 0.04], [0.11 * side, 0.0], [0.17 * side, 0.03]])
            canvas.crease(turn(moved(snarl, 0, 0.075 * row)), 0.022, 0.5 * au[9], blur=0.014)
        for row in (-1, 0, 1):
            crow = np.array([[0.68 * side, 0.05 * row], [0.83 * side, 0.11 * row]]) * person.eye_spacing
            canvas.crease(turn(crow), 0.016, (0.10 + 0.25 * age) * au[6] + 0.12 * age, blur=0.012)
        bag = moved(face.lower_lids[right], 0, 0.05)
        canvas.crease(turn(bag), 0.025, 0.25 * au[6] + 0.2 * au[9], blur=0.016)
        droop = face.upper_lip[0, -right] + np.array([[0.02 * side, 0.02], [0.05 * side, 0.09], [0.05 * side, 0.17]])
        canvas.crease(turn(droop), 0.03, 0.3 * au[15] + 0.12 * age, blur=0.022)


def _draw_forehead(canvas: Canvas, person: Person, au: Mapping[int, float], turn: Turn) -> None:
    """Level lines of AU 1 and 2, upright ones between the brows of AU 4."""
    across = np.linspace(-1, 1, 13)
    width = 0.30 + 0.28 * au[2] + 0.15 * person.age
    depth = (0.12 + 0.3 * person.age) * (0.3 * person.age + au[1]) + 0.2 * au[2]
    for row in range(3):
        wave = np.stack([across * width, -0.50 - 0.12 * row - 0.03 * np.cos(across * 5)], axis=1)
        canvas.crease(turn(wave), 0.02, depth, blur=0.015)
    for side in (-1, 1):
        frown = np.array([[0.07 * side, -0.36], [0.055 * side, -0.24], [0.075 * side, -0.12]])
        canvas.crease(turn(smooth(frown)), 0.028, 0.55 * au[4], blur=0.016)
