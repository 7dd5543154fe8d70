"""A portrait: skin with relief and light, the features on it, hair, what covers it, and the camera."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from fer.data.drawing.canvas import ORIGIN, SCALE, SIDE, Canvas, Turn, ellipse, moved
from fer.data.drawing.covers import COVERS, draw_cover
from fer.data.drawing.face import Face, Person, shape_face
from fer.data.drawing.features import draw_brows, draw_eyes, draw_mouth, draw_nose, draw_wrinkles
from fer.data.drawing.hair import draw_back_hair, draw_facial_hair, draw_front_hair, strand_texture
from fer.inference.face_size import FACE_SIZE

#: The camera's pixels per pixel of the finished image, before they are averaged.
SUPERSAMPLING = 3

_AXIS_X = ((np.arange(SIDE) - ORIGIN[0]) / SCALE).astype(np.float32)
_AXIS_Y = ((np.arange(SIDE) - ORIGIN[1]) / SCALE).astype(np.float32)


@dataclass(frozen=True)
class Scene:
    """How a face is seen: angles in radians, shifts in face units, tones 0 to 255.

    ``light`` is the unit vector towards the lamp (x right, y down, z to the camera); ``noise`` the sensor's standard
    deviation in grey levels; ``blur`` the lens's in pixels of a finished image of 48; ``exposure`` the mean that the
    camera aims at in the middle of the frame.
    """

    yaw: float
    pitch: float
    roll: float
    zoom: float
    shift: tuple[float, float]
    light: tuple[float, float, float]
    ambient: float
    exposure: float
    gamma: float
    background: tuple[float, float]
    clothes: float
    occlusion: str
    blur: float
    noise: float


def draw_scene(rng: np.random.Generator) -> Scene:
    """A random pose, light, background and camera; one face in eight is partly covered."""
    light = np.array([rng.normal(0, 0.4), rng.normal(-0.5, 0.2), 1.0])
    light /= np.linalg.norm(light)
    return Scene(
        yaw=float(np.clip(rng.normal(0, 0.11), -0.3, 0.3)),
        pitch=float(np.clip(rng.normal(0, 0.045), -0.12, 0.12)),
        roll=float(np.clip(rng.normal(0, 0.06), -0.2, 0.2)),
        zoom=rng.uniform(0.98, 1.08),
        shift=(rng.normal(0, 0.02), rng.normal(0, 0.02)),
        light=(float(light[0]), float(light[1]), float(light[2])),
        ambient=rng.uniform(0.3, 0.6),
        exposure=rng.uniform(105, 150),
        gamma=rng.uniform(0.85, 1.2),
        background=(rng.uniform(15, 235), rng.uniform(15, 235)),
        clothes=rng.uniform(15, 220),
        occlusion=str(rng.choice(COVERS, p=[0.88, 0.06, 0.03, 0.03])),
        blur=rng.uniform(0.0, 0.5),
        noise=rng.uniform(1.0, 4.0),
    )


def draw_face(
    person: Person, units: Mapping[int, float], scene: Scene, rng: np.random.Generator, size: int = FACE_SIZE
) -> np.ndarray:
    """Render a person showing action units.

    Args:
        person: who.
        units: action unit intensities, 0 to 1, by unit number.
        scene: pose, light, occlusion and camera.
        rng: for strands of hair, blemishes and sensor noise.
        size: S, of the finished image in pixels.

    Returns:
        uint8 ``[S, S]``, 0 black to 255 white, the face filling most of the frame.
    """
    turn = _turner(person, scene)
    face = shape_face(person, units)
    canvas = Canvas(0)
    canvas.pixels[:] = _background(scene, rng)
    strands = strand_texture(person, rng)
    draw_back_hair(canvas, person, strands)
    _draw_neck(canvas, person, scene, face)
    skin = _skin(person, rng)
    _draw_ears(canvas, person, scene)
    canvas.fill(face.outline, skin)
    draw_mouth(canvas, person, face, turn)
    draw_eyes(canvas, person, face, units, turn)
    draw_nose(canvas, face, turn)
    draw_wrinkles(canvas, person, face, units, turn)
    draw_facial_hair(canvas, person, face, turn, rng)
    draw_brows(canvas, person, face, turn)
    _light(canvas, face, units, scene, turn)
    draw_front_hair(canvas, person, face, turn, strands)
    draw_cover(scene.occlusion, canvas, person, face, turn, strands, rng)
    return _photograph(canvas, scene, rng, size)


def _turner(person: Person, scene: Scene) -> Turn:
    """Yaw (positive: to the viewer's right) and pitch (positive: down) as shifts that grow with a point's depth.

    The head is an ellipsoid with a nose.
    """

    def turn(points: np.ndarray) -> np.ndarray:
        x, y = points[..., 0], points[..., 1]
        bowl = 1 - (x / (1.04 * person.width)) ** 2 - ((y - 0.1) / 1.5) ** 2
        depth = 0.8 * np.sqrt(np.clip(bowl, 0.0, 1)) + 0.22 * np.exp(-((x / 0.2) ** 2) - ((y - 0.42) / 0.22) ** 2)
        return np.stack(
            [
                x * np.cos(scene.yaw) + depth * np.sin(scene.yaw),
                y * np.cos(scene.pitch) + depth * np.sin(scene.pitch),
            ],
            axis=-1,
        )

    return turn


def _background(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """A room out of focus: two tones and some blobs."""
    coarse = rng.normal(0, 18, (5, 5)).astype(np.float32)
    coarse += np.linspace(scene.background[0], scene.background[1], 5, dtype=np.float32)[None, :]
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def _skin(person: Person, rng: np.random.Generator) -> np.ndarray:
    """The skin's own tone: large blotches, and pores and spots that grow with age."""
    blotches = cv2.resize(rng.normal(0, 0.02, (12, 12)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 0.015 + 0.03 * person.age, (SIDE // 4, SIDE // 4)).astype(np.float32)
    pores = cv2.resize(grain, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.float32(person.skin) * (1 + blotches + pores)


def _draw_neck(canvas: Canvas, person: Person, scene: Scene, face: Face) -> None:
    chin = face.outline[:, 1].max()
    half = (0.5 + 0.15 * person.jaw) * person.width
    shoulders = np.array([[-1.8, 2.2], [-1.7, 1.75], [-0.75, 1.55], [0.75, 1.55], [1.7, 1.75], [1.8, 2.2]])
    neck = np.array([[-half, 0.7], [half, 0.7], [half + 0.06, 1.62], [0, 1.8], [-half - 0.06, 1.62]])
    canvas.fill(shoulders, scene.clothes, blur=0.02)
    canvas.fill(neck, person.skin * 0.8)
    canvas.shade(ellipse((0, chin - 0.1), half * 1.2, 0.32), 0.45, blur=0.07)


def _draw_ears(canvas: Canvas, person: Person, scene: Scene) -> None:
    for side in (-1, 1):
        # The ear on the side that turns away slips behind the cheek.
        x = side * person.width - 0.25 * scene.yaw
        canvas.fill(ellipse((x, 0.12), 0.11, 0.24), person.skin * 0.84)
        canvas.shade(ellipse((x + side * 0.01, 0.12), 0.055, 0.14), 0.7, blur=0.02)


def _light(canvas: Canvas, face: Face, units: Mapping[int, float], scene: Scene, turn: Turn) -> None:
    """Lambert shading of the head's relief, with a little oily shine."""
    relief = _relief(face, units, turn)
    slope_x = cv2.Sobel(relief, cv2.CV_32F, 1, 0) * (SCALE / 8)
    slope_y = cv2.Sobel(relief, cv2.CV_32F, 0, 1) * (SCALE / 8)
    lamp = np.array(scene.light, np.float32)
    facing = (lamp[2] - slope_x * lamp[0] - slope_y * lamp[1]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    diffuse = np.clip(facing, 0, 1)
    squared = diffuse * diffuse
    fourth = squared * squared
    # The 14th power by products: many times faster than ** on an array.
    shine = 26 * fourth * fourth * fourth * squared
    lit = canvas.pixels * (scene.ambient + (1.12 - scene.ambient) * diffuse) + shine
    canvas.fill(face.outline, lit)


def _relief(face: Face, units: Mapping[int, float], turn: Turn) -> np.ndarray:
    """float32 ``[SIDE, SIDE]`` heights in face units: a rounded head, features as Gaussian bumps and dents."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    pixels = np.round(face.outline * SCALE + ORIGIN).astype(np.int32)
    cv2.fillPoly(mask, [pixels], 255)
    small = cv2.resize(mask, (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
    inside = cv2.distanceTransform((small > 127).astype(np.uint8), cv2.DIST_L2, 3) * (4 / SCALE)
    rim = np.clip(inside / 0.8, 0, 1)
    head = cv2.GaussianBlur(0.62 * np.sqrt(1 - (1 - rim) ** 2), (0, 0), 3.0)
    x, y, wide, high, rise = _bumps(face, units, turn).T.astype(np.float32)[:, :, None]
    across = np.exp(-(((_AXIS_X[None] - x) / wide) ** 2))
    down = rise * np.exp(-(((_AXIS_Y[None] - y) / high) ** 2))
    return cv2.pyrUp(cv2.pyrUp(head)) + down.T @ across


def _bumps(face: Face, units: Mapping[int, float], turn: Turn) -> np.ndarray:
    """``[n, 5]``: centre x and y, half-width, half-height and rise of the relief's bumps, in face units."""
    smile = 0.05 * units.get(6, 0) + 0.05 * units.get(12, 0)
    left, tip, right = turn(face.nose)
    upper, lower = turn(face.upper_lip), turn(face.lower_lip)
    chin = face.outline[:, 1].max()
    bumps = [
        *[(*turn(np.array([0.0, y])), 0.14 + 0.04 * y, 0.15, 0.045 + 0.10 * y) for y in (-0.12, 0.02, 0.16, 0.3)],
        (*moved(tip, 0, -0.01), 0.15, 0.12, 0.13),
        (*left, 0.07, 0.07, 0.05),
        (*right, 0.07, 0.07, 0.05),
        (*turn(np.array([0.0, 0.74])), 0.32, 0.22, 0.05),
        (*(upper[:, 12].mean(axis=0)), 0.24, 0.06, 0.02),
        (*(lower[:, 12].mean(axis=0)), 0.2, 0.07, 0.05),
        (*moved(lower[0, 12], 0, 0.07), 0.2, 0.05, -0.03),
        (*turn(np.array([0.0, chin - 0.17])), 0.2, 0.14, 0.08),
        (*turn(np.array([0.0, -0.62])), 0.5, 0.3, 0.06),
    ]
    for side in range(2):
        bumps += [
            (*turn(face.cheeks[side]), 0.22, 0.16, 0.07 + smile),
            (*turn(moved(face.irises[side], 0, -0.03)), 0.2, 0.13, -0.10),
            (*turn(moved(face.irises[side], 0, -0.02)), 0.11, 0.08, 0.05),
            (*turn(face.brows[side][3]), 0.24, 0.07, 0.05),
        ]
    return np.array(bumps)


def _photograph(canvas: Canvas, scene: Scene, rng: np.random.Generator, size: int) -> np.ndarray:
    """Crop to the face, average down to the finished size, then lens, exposure, gamma and sensor noise."""
    side = size * SUPERSAMPLING
    # At zoom 1 the frame spans 2.12 face units, centred a little below the eyes.
    zoom = side / (2.12 * SCALE) * scene.zoom
    turn = cv2.getRotationMatrix2D((0.0, 0.0), float(np.degrees(scene.roll)), zoom)
    centre = np.array(ORIGIN) + np.array([scene.shift[0], 0.27 + scene.shift[1]]) * SCALE
    turn[:, 2] = side / 2 - turn[:, :2] @ centre
    large = cv2.warpAffine(canvas.pixels, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    image = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)
    if scene.blur > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), scene.blur * size / FACE_SIZE)
    # Automatic exposure meters the middle of the frame, and does not reach extremes.
    gain = np.clip(scene.exposure / _middle(image).mean(), 0.6, 1.7)
    image = 255 * (np.clip(image * gain, 0, 255) / 255) ** scene.gamma
    image = image + rng.normal(0, scene.noise, image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def _middle(image: np.ndarray) -> np.ndarray:
    """The part that the camera's exposure goes by: rows 8 to 44 and columns 8 to 40 of 48."""
    top, bottom, left, right = (round(edge * len(image) / FACE_SIZE) for edge in (8, 44, 8, 40))
    return image[top:bottom, left:right]
