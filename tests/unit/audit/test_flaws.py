"""Flaws by measurement, negatives, and the proxies' bounds."""

import numpy as np
import pandas as pd
import pytest
from drawn_faces import MANY, drawn_sample

from fer.audit.flaws import INVERTED, PROXIES, flaws, inversion

FACE = {
    "brightness": 127.5,
    "contrast": 50.0,
    "sharpness": 0.8,
    "entropy": 7.2,
    "symmetry": 0.4,
    "inversion": -8.0,
    "face_check": 8.0,
}


def measured(**changes: float) -> pd.DataFrame:
    return pd.DataFrame([FACE | changes])


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"contrast": 0.0, "entropy": 0.0, "brightness": 0.0, "inversion": 1.0}, ["blank"]),
        ({"inversion": 0.1}, ["inverted"]),
        ({"brightness": 39.0}, ["dark"]),
        ({"brightness": 216.0}, ["bright"]),
        ({"contrast": 19.0}, ["flat"]),
        ({"contrast": 101.0}, ["loud"]),
        ({"sharpness": 0.2}, ["blurred"]),
        ({"entropy": 4.0}, ["poor"]),
    ],
)
def test_a_flaw_has_one_name(changes, found):
    table = flaws(measured(**changes))
    assert [name for name in table if table[name][0]] == found


def test_negatives_are_told_from_images_and_a_constant_change_of_light_is_none():
    images = drawn_sample(*MANY)[0]
    spoilt = images.copy()
    spoilt[:20] = 255 - spoilt[:20]
    spoilt[20:40] = (spoilt[20:40] * 0.7 + 30).astype(np.uint8)
    usual = inversion(images)
    scores = inversion(spoilt)
    turned = (usual[:20] <= INVERTED) & (images[:20].std(axis=(1, 2)) > 0)
    assert (scores[:20] > INVERTED)[turned].mean() >= 0.95
    assert (scores[20:40] > INVERTED).mean() <= 0.1


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("lighting", {"brightness": 70.0}),
        ("lighting", {"brightness": 220.0}),
        ("unrealistic", {"entropy": 3.0, "face_check": -3.0}),
        ("occlusion", {"face_check": 1.0}),
        ("angle", {"symmetry": -0.9}),
        ("angle", {"face_roll": 20.0, "face_yaw": 0.0}),
        ("angle", {"face_roll": 0.0, "face_yaw": -0.7}),
        ("angle", {"face_roll": float("nan"), "face_yaw": float("nan"), "symmetry": -0.9}),
    ],
)
def test_a_proxy_names_what_it_measures_and_no_usual_face(name, changes):
    proxy = PROXIES[name]
    assert proxy.score(measured())[0] < proxy.bound
    assert proxy.score(measured(**changes))[0] >= proxy.bound
