"""What images measure: known values, and the same values whatever else stands in the array."""

import math

import cv2
import numpy as np
import pytest
from drawn_faces import drawn_sample
from hypothesis import given
from hypothesis import strategies as st

from fer.audit import properties
from fer.audit.properties import entropy, found_faces, image_properties, perceptual_hashes
from fer.inference.detection import Detection


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return drawn_sample(70, 1)[0]


def test_known_values():
    black_white = np.zeros((48, 48), np.uint8)
    black_white[:, :24] = 255
    table = image_properties(np.stack([black_white, np.full((48, 48), 7, np.uint8)]))
    row, blank = table.iloc[0], table.iloc[1]
    assert row["brightness"] == blank["contrast"] + 127.5 == row["contrast"]
    assert row["entropy"] == 1
    assert row["clipped"] == 1
    assert row["side_light"] == 255
    assert row["symmetry"] == pytest.approx(-1)
    assert blank[["contrast", "entropy", "clipped", "side_light", "symmetry", "face_likeness"]].eq(0).all()


@given(st.integers(1, 256))
def test_entropy_of_so_many_equally_frequent_values(levels):
    image = np.resize(np.arange(levels), (levels, 16)).T.astype(np.uint8)
    assert entropy(image[None])[0] == pytest.approx(math.log2(levels), abs=1e-9)


def test_parts_give_what_the_whole_gives(faces, monkeypatch):
    whole = image_properties(faces)
    monkeypatch.setattr(properties, "_CHUNK", 7)
    parts = image_properties(faces)
    assert (whole["phash"] == parts["phash"]).all()
    numbers = whole.columns.drop("phash")
    np.testing.assert_allclose(whole[numbers], parts[numbers], atol=1e-5)
    assert len(whole) == len(faces)
    assert whole[numbers].notna().all(axis=None)


def test_a_perceptual_hash_keeps_under_light_and_changes_with_the_face(faces):
    lighter = np.clip(faces.astype(int) + 12, 0, 255).astype(np.uint8)
    bits = [
        np.unpackbits(np.frombuffer(bytes.fromhex("".join(perceptual_hashes(i))), np.uint8)) for i in (faces, lighter)
    ]
    changed = (bits[0] != bits[1]).reshape(len(faces), 64).sum(axis=1)
    assert np.median(changed) <= 2
    assert len(set(perceptual_hashes(faces))) > 0.8 * len(faces)


class OneFace:
    """Finds a face turned by 45 degrees whose nose is at the left eye, in every image but blank ones."""

    name = "one"

    def detect(self, image: np.ndarray) -> list[Detection]:
        if image.std() == 0:
            return []
        points = ((100.0, 100.0), (140.0, 140.0), (140.0, 140.0), (0.0, 0.0), (0.0, 0.0))
        return [Detection((60, 60, 96, 96), 0.9, points)]


def test_what_a_detector_says_of_a_face():
    image = cv2.randu(np.zeros((48, 48), np.uint8), 0, 255)
    table = found_faces(np.stack([image, np.zeros_like(image)]), OneFace())
    assert table["face_found"].tolist() == [True, False]
    assert table.iloc[0].tolist()[1:] == pytest.approx([0.9, 0.5, 45, 1])
    assert table.iloc[1, 1:].isna().all()
