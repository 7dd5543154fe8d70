"""Near copies: found by kind, without calling two people one, by an index that loses little of a search of all."""

import faiss
import numpy as np
import pandas as pd
import pytest
from drawn_faces import drawn_sample

from fer.audit import copies
from fer.audit.copies import build_index, descriptors, fit_projection, groups_of, near_copies
from fer.data.planted import NEAR_COPIES

ORIGINALS, PLANTED = 400, 40


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Different drawn people."""
    images, table = drawn_sample(ORIGINALS + 60, 3)
    people = (table["flaw"].isin(["", "wrong_label"])).to_numpy()
    return images[people][:ORIGINALS]


@pytest.fixture(scope="module")
def planted(faces: np.ndarray) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Faces with copies of every kind behind them, what is a copy of what, and the pairs that were found."""
    rng = np.random.default_rng(1)
    made, facts = [], []
    for kind, change in NEAR_COPIES.items():
        for original in rng.permutation(len(faces))[:PLANTED]:
            facts.append((kind, int(original), len(faces) + len(made)))
            made.append(change(faces[original], rng))
    images = np.concatenate([faces, np.stack(made)])
    return images, pd.DataFrame(facts, columns=["kind", "first", "second"]), near_copies(images)


@pytest.mark.parametrize("kind", NEAR_COPIES)
def test_nine_of_ten_near_copies_of_a_kind_are_found(planted, kind):
    _, facts, pairs = planted
    wanted = facts[facts["kind"] == kind].merge(pairs, on=["first", "second"], how="left")
    assert wanted["similarity"].notna().mean() >= 0.9


def test_no_two_people_are_called_copies(planted):
    images, facts, pairs = planted
    original = np.arange(len(images))
    original[facts["second"]] = facts["first"]
    wrong = original[pairs["first"]] != original[pairs["second"]]
    assert wrong.mean() <= 0.02, pairs[wrong]


def test_mirrored_copies_are_called_so(planted):
    _, facts, pairs = planted
    found = facts.merge(pairs, on=["first", "second"])
    assert found["mirrored"][found["kind"] == "flipped"].mean() > 0.9
    assert not found["mirrored"][found["kind"] == "re-encoded"].any()


def test_the_same_images_give_the_same_pairs_in_the_order_of_their_positions(planted):
    images, _, pairs = planted
    pd.testing.assert_frame_equal(near_copies(images), pairs)
    assert (pairs["first"] < pairs["second"]).all()
    assert not pairs.duplicated(["first", "second"]).any()
    assert pairs[["first", "second"]].apply(tuple, axis=1).is_monotonic_increasing
    assert pairs["similarity"].between(copies.COPY, 1.0001).all()


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_images(faces, count):
    images = np.concatenate([faces[:count], faces[:1, :, ::-1]]) if count else faces[:0]
    pairs = near_copies(images)
    assert pairs[["first", "second", "mirrored"]].to_numpy().tolist() == ([[0, count, True]] if count else [])


def test_blank_images_are_no_copies_of_anything(faces):
    images = np.concatenate([faces[:20], np.full((5, 48, 48), 7, np.uint8), np.zeros((5, 48, 48), np.uint8)])
    assert not near_copies(images)[["first", "second"]].ge(20).any(axis=None)


def test_the_index_of_many_images_finds_nine_of_ten_copies_that_a_search_of_all_finds(planted, monkeypatch):
    images, _, pairs = planted
    monkeypatch.setattr(copies, "ALL_PAIRS", 100)
    monkeypatch.setattr(copies, "PROBES", 4)
    assert isinstance(build_index(descriptors(images, fit_projection(images))), faiss.IndexIVF)
    found = near_copies(images)
    assert len(found.merge(pairs, on=["first", "second"])) >= 0.9 * len(pairs)


def test_groups_join_what_pairs_join():
    pairs = pd.DataFrame({"first": [1, 2, 5], "second": [2, 4, 6]})
    assert groups_of(pairs, 8).tolist() == [0, 1, 1, 3, 1, 5, 5, 7]
    assert groups_of(pairs.iloc[:0], 3).tolist() == [0, 1, 2]
