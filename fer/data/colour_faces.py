"""Faces in colour: the same drawing three times, each time in the tones of one channel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fer.data.drawing.face import Person
from fer.data.drawing.portrait import Scene, draw_face


@dataclass(frozen=True)
class Tint:
    """What one channel sees: factors of a person's and a scene's grey tones."""

    skin: float
    hair: float
    cloth: float
    lips: float
    exposure: float


#: Blue, green and red, as OpenCV orders them: warm skin, brown hair, red lips, cool clothes.
TINTS = (
    Tint(skin=0.78, hair=0.80, cloth=1.20, lips=1.10, exposure=0.86),
    Tint(skin=0.96, hair=0.95, cloth=1.10, lips=1.25, exposure=0.98),
    Tint(skin=1.18, hair=1.15, cloth=0.80, lips=0.60, exposure=1.12),
)
#: Tones stay below white.
_BRIGHTEST = 240.0


def draw_colour_face(
    person: Person, units: Mapping[int, float], scene: Scene, seed: tuple[int, ...], size: int
) -> np.ndarray:
    """Render a person showing action units, in colour.

    Args:
        person: who.
        units: action unit intensities, 0 to 1, by unit number.
        scene: pose, light, occlusion and camera.
        seed: of strands of hair, blemishes and sensor noise, which all channels share.
        size: S, of the finished image in pixels.

    Returns:
        uint8 ``[S, S, 3]``, blue, green, red.
    """
    return np.stack(
        [draw_face(*_seen(person, units, scene, tint), np.random.default_rng(seed), size) for tint in TINTS], axis=-1
    )


def _seen(
    person: Person, units: Mapping[int, float], scene: Scene, tint: Tint
) -> tuple[Person, Mapping[int, float], Scene]:
    """The arguments of ``draw_face`` for one channel."""
    left, right = scene.background
    return (
        replace(
            person,
            skin=min(person.skin * tint.skin, _BRIGHTEST),
            hair=min(person.hair * tint.hair, _BRIGHTEST),
            lip_contrast=min(person.lip_contrast * tint.lips, 0.6),
        ),
        units,
        replace(
            scene,
            exposure=scene.exposure * tint.exposure,
            clothes=min(scene.clothes * tint.cloth, _BRIGHTEST),
            background=(min(left * tint.cloth, _BRIGHTEST), min(right * (2 - tint.cloth), _BRIGHTEST)),
        ),
    )
