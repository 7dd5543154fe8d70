"""Action units move the landmarks as FACS says, and a portrait is a grey 48x48 face."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer.data.drawing.canvas import SIDE, Canvas, ellipse, smooth
from fer.data.drawing.covers import COVERS
from fer.data.drawing.face import PROTOTYPES, UNITS, Face, Person, draw_person, draw_units, shape_face
from fer.data.drawing.portrait import Scene, draw_face, draw_scene
from fer.emotions import EMOTIONS

people = st.integers(0, 10_000).map(lambda seed: draw_person(np.random.default_rng(seed)))
rises = st.tuples(st.floats(0.15, 1), st.floats(0.15, 1)).filter(lambda pair: pair[1] - pair[0] > 0.05)


def corners(face: Face) -> np.ndarray:
    return face.upper_lip[0, [0, -1]]


def opening(face: Face) -> float:
    return float((face.lower_lip[1] - face.upper_lip[1])[:, 1].max())


def lip_height(face: Face) -> float:
    return float((face.lower_lip[0] - face.upper_lip[0])[12, 1]) - opening(face)


def eye_height(face: Face) -> float:
    return float((face.lower_lids - face.upper_lids)[:, 7, 1].min())


#: What grows with each unit. y points down, so what is raised grows in -y.
GROWS = {
    1: lambda face: -face.brows[:, 0, 1].max(),
    2: lambda face: -face.brows[:, -2, 1].max(),
    4: lambda face: face.brows[:, 0, 1].min(),
    5: lambda face: -face.upper_lids[:, 7, 1].max(),
    6: lambda face: -face.cheeks[:, 1].max(),
    7: lambda face: -eye_height(face),
    9: lambda face: -face.nose[[0, 2], 1].max(),
    12: lambda face: -corners(face)[:, 1].max(),
    15: lambda face: corners(face)[:, 1].min(),
    16: lambda face: face.lower_lip[0, 12, 1],
    20: lambda face: corners(face)[1, 0] - corners(face)[0, 0],
    23: lambda face: -lip_height(face),
    25: opening,
    26: opening,
}


@pytest.mark.parametrize("unit", UNITS)
@settings(max_examples=25)
@given(person=people, pair=rises)
def test_each_unit_moves_its_feature_monotonically(unit: int, person: Person, pair: tuple[float, float]) -> None:
    # Lips that press on each other part only above an intensity of about a half.
    weak, strong = (0.5 + value / 2 for value in pair)
    assert GROWS[unit](shape_face(person, {unit: strong})) > GROWS[unit](shape_face(person, {unit: weak}))


@settings(max_examples=50)
@given(person=people, units=st.dictionaries(st.sampled_from(UNITS), st.floats(0, 1)))
def test_any_combination_is_a_possible_face(person: Person, units: dict[int, float]) -> None:
    face = shape_face(person, units)
    for part in dataclasses.astuple(face):
        assert np.isfinite(part).all()
    assert (face.lower_lids[..., 1] >= face.upper_lids[..., 1] - 1e-9).all()
    assert (face.lower_lip[1, :, 1] >= face.upper_lip[1, :, 1] - 1e-9).all()
    assert face.brows[:, :, 1].max() < face.nose[:, 1].min() < face.upper_lip[0, 12, 1] < face.outline[:, 1].max()


@settings(max_examples=20)
@given(person=people)
def test_a_frontal_face_is_symmetric(person: Person) -> None:
    face = shape_face(person, {1: 0.7, 12: 0.4, 26: 0.3})
    for left, right in (face.brows, face.cheeks[:, None], face.irises[:, None], face.folds):
        np.testing.assert_allclose(left * [-1, 1], right)
    for lids in (face.upper_lids, face.lower_lids):
        np.testing.assert_allclose(lids[0][::-1] * [-1, 1], lids[1])


def test_jaw_drop_lowers_the_chin_and_leaves_the_crown() -> None:
    person = draw_person(np.random.default_rng(3))
    shut, dropped = shape_face(person, {}), shape_face(person, {26: 1.0})
    assert dropped.outline[:, 1].max() > shut.outline[:, 1].max() + 0.2
    assert dropped.outline[:, 1].min() == shut.outline[:, 1].min()


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_units_of_an_emotion_are_strong_and_others_a_residue(emotion: str) -> None:
    for seed in range(20):
        units = draw_units(emotion, np.random.default_rng(seed))
        assert set(units) == set(UNITS)
        assert all(0.6 <= units[unit] <= 1 for unit in PROTOTYPES[emotion])
        assert all(0 <= units[unit] < 0.3 for unit in UNITS if unit not in (*PROTOTYPES[emotion], 25))


def sitting(seed: int = 5, **changes: object) -> tuple[Person, Scene]:
    rng = np.random.default_rng(seed)
    person = draw_person(rng)
    plain = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift": (0.0, 0.0), "zoom": 1.0, "occlusion": "none", "noise": 0.0}
    return person, dataclasses.replace(draw_scene(rng), **(plain | changes))


def portrait(units: dict[int, float], **changes: object) -> np.ndarray:
    person, scene = sitting(**changes)
    return draw_face(person, units, scene, np.random.default_rng(0)).astype(int)


def test_a_portrait_is_48_by_48_grey_levels_with_contrast() -> None:
    person, scene = sitting()
    image = draw_face(person, {}, scene, np.random.default_rng(0))
    assert image.shape == (48, 48)
    assert image.dtype == np.uint8
    assert image.std() > 15


def test_the_same_generator_draws_the_same_bytes() -> None:
    person, scene = sitting(noise=4.0)
    first, again, other = (draw_face(person, {12: 1.0}, scene, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_dropped_jaw_changes_the_mouth_and_not_the_brows() -> None:
    change = np.abs(portrait({25: 1.0, 26: 1.0}) - portrait({}))
    assert change[30:44, 14:34].mean() > 4 * change[6:18, 14:34].mean()


def test_raised_brows_change_the_upper_face_and_not_the_mouth() -> None:
    change = np.abs(portrait({1: 1.0, 2: 1.0}) - portrait({}))
    assert change[6:20, 8:40].mean() > 4 * change[32:44, 8:40].mean()


@pytest.mark.parametrize("cover", [cover for cover in COVERS if cover != "none"])
def test_every_cover_hides_part_of_the_face_and_not_all(cover: str) -> None:
    # The exposure follows the cover, so what stays the same keeps one ratio.
    ratio = (portrait({}, occlusion=cover) + 1) / (portrait({}) + 1)
    changed = np.abs(ratio / np.median(ratio) - 1) > 0.15
    assert 0.02 < changed.mean() < 0.5


def test_yaw_turns_the_features_sideways() -> None:
    face = {yaw: portrait({}, yaw=yaw)[16:22, :] for yaw in (-0.35, 0.35)}
    # Eyes are the darkest part of their rows inside the head.
    centre = {yaw: np.argsort(rows[:, 10:38].sum(axis=0))[:6].mean() for yaw, rows in face.items()}
    assert centre[0.35] > centre[-0.35]


@settings(max_examples=30)
@given(x=st.floats(-3, 3), y=st.floats(-3, 3), blur=st.floats(0, 0.2))
def test_shapes_may_lie_partly_or_wholly_off_the_canvas(x: float, y: float, blur: float) -> None:
    canvas = Canvas(10)
    canvas.fill(ellipse((x, y), 0.3, 0.2), 200, blur=blur)
    canvas.line(np.array([[x, y], [y, x]]), 0.05, 90, blur=blur)
    canvas.shade(ellipse((y, x), 0.2, 0.2), 0.5, blur=blur)
    assert canvas.pixels.shape == (SIDE, SIDE)
    assert canvas.pixels.min() >= 0
    assert canvas.pixels.max() <= 200.01


def test_a_smooth_curve_passes_through_its_points() -> None:
    points = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0], [4.0, 4.0]])
    np.testing.assert_allclose(smooth(points, steps=5)[::5], points)
