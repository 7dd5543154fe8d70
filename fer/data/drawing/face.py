"""Face geometry driven by facial action units.

Sources: Ekman & Friesen, Facial Action Coding System (1978), for what each unit moves, and the EMFACS prototypes
(Friesen & Ekman 1983) for the combination that shows an emotion.

Face units: half a face's width is about 1, x points to the viewer's right, y down, the eyes lie on y = 0. Paired
features have the viewer's left side first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fer.data.drawing.canvas import moved, smooth

#: The EMFACS prototype of every emotion: the units that show it.
PROTOTYPES: dict[str, tuple[int, ...]] = {
    "angry": (4, 5, 7, 23),
    "disgust": (9, 15, 16),
    "fear": (1, 2, 4, 5, 20, 26),
    "happy": (6, 12),
    "sad": (1, 4, 15),
    "surprise": (1, 2, 5, 26),
    "neutral": (),
}

#: The units that the geometry knows: 1 inner and 2 outer brow raiser, 4 brow lowerer, 5 upper lid raiser, 6 cheek
#: raiser, 7 lid tightener, 9 nose wrinkler, 12 lip corner puller, 15 lip corner depressor, 16 lower lip depressor,
#: 20 lip stretcher, 23 lip tightener, 25 lips part, 26 jaw drop.
UNITS = (1, 2, 4, 5, 6, 7, 9, 12, 15, 16, 20, 23, 25, 26)

HAIR_STYLES = ("bald", "short", "receding", "side part", "fringe", "long", "bob", "curly", "bun")
_HAIR_SHARES = (0.06, 0.24, 0.08, 0.14, 0.09, 0.17, 0.08, 0.09, 0.05)


@dataclass(frozen=True)
class Person:
    """Who the face belongs to: sizes are factors about 1, tones grey levels 0 to 255, the rest 0 to 1."""

    width: float
    length: float
    jaw: float
    skin: float
    eye_spacing: float
    eye_size: float
    eye_tilt: float
    iris: float
    brow_thickness: float
    brow_height: float
    brow_arch: float
    nose_width: float
    nose_length: float
    mouth_width: float
    lips: float
    lip_contrast: float
    age: float
    hair_style: str
    hair: float
    beard: float
    moustache: float


@dataclass(frozen=True)
class Face:
    """Landmarks of a face in face units, float64.

    Attributes:
        outline: ``[72, 2]``, the head from its top, clockwise.
        brows: ``[2, 7, 2]``, from the inner to the outer end.
        upper_lids, lower_lids: ``[2, 15, 2]``, from the viewer's left to right.
        irises: ``[2, 2]`` centres.
        nose: ``[3, 2]``, the left wing, the tip and the right wing.
        upper_lip, lower_lip: ``[2, 25, 2]``, the outer then the inner edge, from the left to the right corner.
        cheeks: ``[2, 2]``, the apple of each cheek.
        folds: ``[2, 9, 2]``, the nasolabial furrows from the nose down.
    """

    outline: np.ndarray
    brows: np.ndarray
    upper_lids: np.ndarray
    lower_lids: np.ndarray
    irises: np.ndarray
    nose: np.ndarray
    upper_lip: np.ndarray
    lower_lip: np.ndarray
    cheeks: np.ndarray
    folds: np.ndarray


def draw_person(rng: np.random.Generator) -> Person:
    """A random identity; men's beards and receding hair, women's long hair and fuller lips go together."""
    masculine = rng.random() < 0.52
    shares = np.array(_HAIR_SHARES) * (
        [1.7, 1.6, 1.9, 1.1, 0.5, 0.15, 0.1, 0.8, 0.0] if masculine else [0.1, 0.3, 0.0, 0.9, 1.6, 2.0, 2.0, 1.2, 2.0]
    )
    skin = float(np.clip(rng.normal(178, 30), 92, 222))
    age = float(rng.beta(1.3, 2.2))
    grey = max(0.0, age - 0.5) * 2 * rng.random()
    hair = float(rng.choice([22, 38, 60, 95, 150], p=[0.34, 0.26, 0.2, 0.12, 0.08])) * rng.uniform(0.8, 1.2)
    if skin < 140:
        hair = min(hair, 40.0)
    bearded = masculine and rng.random() < 0.28
    return Person(
        width=rng.normal(0.97 if masculine else 0.93, 0.045),
        length=rng.normal(1.0, 0.05),
        jaw=float(np.clip(rng.normal(0.62 if masculine else 0.38, 0.15), 0.1, 0.9)),
        skin=skin,
        eye_spacing=rng.normal(1.0, 0.06),
        eye_size=float(np.clip(rng.normal(1.0 if masculine else 1.08, 0.09), 0.8, 1.3)),
        eye_tilt=rng.normal(0.03, 0.04),
        iris=rng.uniform(28, 105) if skin > 150 else rng.uniform(22, 50),
        brow_thickness=float(np.clip(rng.normal(1.15 if masculine else 0.75, 0.2), 0.5, 1.7)),
        brow_height=rng.normal(0.0, 0.025),
        brow_arch=rng.uniform(0.02, 0.08 if masculine else 0.11),
        nose_width=float(np.clip(rng.normal(1.0, 0.13) + (0.15 if skin < 140 else 0), 0.75, 1.4)),
        nose_length=rng.normal(1.0, 0.06),
        mouth_width=rng.normal(1.0, 0.08),
        lips=float(np.clip(rng.normal(0.85 if masculine else 1.15, 0.2) + (0.2 if skin < 140 else 0), 0.5, 1.7)),
        lip_contrast=rng.uniform(0.1, 0.25) if masculine else rng.uniform(0.18, 0.45),
        age=age,
        hair_style=str(rng.choice(HAIR_STYLES, p=shares / shares.sum())),
        hair=hair + (190 - hair) * grey,
        beard=rng.uniform(0.25, 1.0) if bearded else 0.0,
        moustache=rng.uniform(0.4, 1.0) if masculine and rng.random() < (0.8 if bearded else 0.04) else 0.0,
    )


def draw_units(emotion: str, rng: np.random.Generator) -> dict[int, float]:
    """Intensities 0 to 1 of all ``UNITS``: 0.6 to 1 for the emotion's prototype, a small residue on the others."""
    units = {unit: abs(rng.normal(0, 0.05)) for unit in UNITS}
    units |= {unit: rng.uniform(0.6, 1.0) for unit in PROTOTYPES[emotion]}
    parted = {"happy": 0.65, "disgust": 0.6, "fear": 1.0, "surprise": 1.0, "angry": 0.1}.get(emotion, 0.06)
    if rng.random() < parted:
        units[25] = rng.uniform(0.5, 1.0)
    return units


def shape_face(person: Person, units: Mapping[int, float]) -> Face:
    """Frontal landmarks of ``person`` showing ``units``: intensities 0 to 1 by unit number, absent ones 0."""
    au = dict.fromkeys(UNITS, 0.0) | dict(units)
    upper_lids, lower_lids = _lids(person, au)
    nose = _nose(person, au)
    upper_lip, lower_lip = _lips(person, au)
    cheek = np.array([0.55 * person.width + 0.02 * au[12], 0.46 - 0.09 * au[6] - 0.06 * au[12]])
    iris = np.array([0.41 * person.eye_spacing, -0.015])
    return Face(
        outline=_outline(person, au),
        brows=_brows(person, au),
        upper_lids=upper_lids,
        lower_lids=lower_lids,
        irises=_both(iris[None])[:, 0],
        nose=nose,
        upper_lip=upper_lip,
        lower_lip=lower_lip,
        cheeks=_both(cheek[None])[:, 0],
        folds=_folds(nose, upper_lip, au),
    )


def _both(right: np.ndarray) -> np.ndarray:
    """A right-hand feature ``[n, 2]`` with its mirror image before it."""
    return np.stack([right * [-1, 1], right])


def _outline(person: Person, au: Mapping[int, float]) -> np.ndarray:
    # Crown, temple, cheekbone, jaw angle, chin: a square jaw stands out, a round one runs straight to the chin.
    jaw = person.jaw
    right = np.array(
        [
            [0.0, -1.36],
            [0.5, -1.24],
            [0.84, -0.86],
            [0.97, -0.32],
            [0.965, 0.14],
            [0.86 + 0.05 * jaw, 0.52],
            [0.62 + 0.20 * jaw, 0.90],
            [0.34 + 0.17 * jaw, 1.19 + 0.02 * jaw],
            [0.15 + 0.11 * jaw, 1.33],
            [0.0, 1.36],
        ]
    )
    loop = smooth(np.concatenate([right, right[-2:0:-1] * [-1, 1], right[:1]]), 4)[:-1]
    x, y = loop[:, 0] * person.width, np.where(loop[:, 1] > 0, loop[:, 1] * person.length, loop[:, 1])
    y = y + 0.24 * au[26] * np.clip((y - 0.45) / 0.9, 0, 1)
    return np.stack([x, y], axis=1)


def _brows(person: Person, au: Mapping[int, float]) -> np.ndarray:
    along = np.linspace(0, 1, 7)
    x = 0.15 + 0.54 * along
    y = -0.27 - person.brow_height - person.brow_arch * np.sin(np.pi * along**1.3) + 0.05 * along**3
    y = y - 0.24 * au[1] * (1 - along) ** 1.3 - 0.20 * au[2] * np.sin(np.pi * np.clip(along * 0.75, 0, 1))
    y = y + 0.17 * au[4] * (1 - 0.75 * along) + 0.07 * au[9] * (1 - along)
    x = x - 0.07 * au[4] * (1 - along)
    return _both(np.stack([x * person.eye_spacing, y], axis=1))


def _lids(person: Person, au: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
    across = np.linspace(-1, 1, 15)
    arc = (1 - across**2) ** 0.75
    x = person.eye_spacing * 0.41 + 0.195 * person.eye_size * across
    # Positive across is the outer corner of the right eye, which a tilt lifts.
    corner = -person.eye_tilt * across
    squeeze = 0.30 * au[7] + 0.22 * au[6] + 0.12 * au[9]
    upper = person.eye_size * 0.104 * (1 + 0.8 * au[5] - squeeze)
    lower = person.eye_size * 0.055 * (1 + 0.25 * au[5] - 1.0 * au[6] - 0.75 * au[7] - 0.5 * au[9])
    lower = max(lower, 0.028 - upper)
    peak = upper * arc * (1 - 0.12 * across)
    return (
        _sides(np.stack([x, corner - peak], axis=1)),
        _sides(np.stack([x, corner + lower * arc], axis=1)),
    )


def _sides(right: np.ndarray) -> np.ndarray:
    """Like ``_both``, with both sides running from left to right."""
    mirror, own = _both(right)
    return np.stack([mirror[::-1], own])


def _nose(person: Person, au: Mapping[int, float]) -> np.ndarray:
    width = 0.185 * person.nose_width * (1 + 0.12 * au[9] + 0.08 * au[12])
    wing = 0.48 * person.nose_length - 0.07 * au[9]
    tip = 0.49 * person.nose_length - 0.03 * au[9]
    return np.array([[-width, wing], [0.0, tip], [width, wing]])


def _lips(person: Person, au: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
    across = np.linspace(-1, 1, 25)
    rounding = au[26] * (1 - au[20])
    half = 0.38 * person.mouth_width * (1 + 0.30 * au[12] + 0.28 * au[20] - 0.14 * au[23] - 0.20 * rounding)
    middle = 0.83 * person.length
    corner = middle - 0.02 - 0.20 * au[12] + 0.18 * au[15] + 0.04 * au[20] + 0.13 * au[26]
    # A stretched mouth opens as a slot, a dropped jaw alone as an oval.
    arc = 1 - np.abs(across) ** (2 + 2.5 * au[20])
    top = middle + 0.02 * au[12] - 0.03 * au[25] * (1 - au[15]) - 0.06 * au[9] - 0.02 * au[26]
    # Closed lips press on each other: a small pull does not part them yet.
    gap = max(0.0, 0.09 * au[25] + 0.16 * au[25] * au[12] + 0.38 * au[26] + 0.03 * au[16] - 0.04)
    bottom = top + gap + 0.05 * au[16]
    thin = (1 - 0.6 * au[23]) * (1 - 0.28 * au[12]) * (1 - 0.25 * au[20])
    bow = 1 - 0.28 * np.exp(-((across / 0.16) ** 2))
    inner_top = corner + (top - corner) * arc
    inner_bottom = corner + (bottom - corner) * arc
    outer_top = inner_top - 0.074 * person.lips * thin * bow * (1 - np.abs(across) ** 1.5)
    outer_bottom = inner_bottom + 0.105 * person.lips * thin * (1 + 0.35 * au[16]) * (1 - across**2)
    x = half * across
    upper = np.stack([np.stack([x, outer_top], axis=1), np.stack([x, inner_top], axis=1)])
    lower = np.stack([np.stack([x, outer_bottom], axis=1), np.stack([x, inner_bottom], axis=1)])
    return upper, lower


def _folds(nose: np.ndarray, upper_lip: np.ndarray, au: Mapping[int, float]) -> np.ndarray:
    along = np.linspace(0, 1, 9)
    start = moved(nose[2], 0.05, -0.04)
    corner = upper_lip[0, -1]
    end = moved(corner, 0.11, 0.02 + 0.08 * au[15])
    bulge = 0.04 + 0.07 * au[12] + 0.04 * au[9]
    curve = start + (end - start) * along[:, None]
    curve[:, 0] += bulge * np.sin(np.pi * along)
    return _both(curve)
