"""Figures by group: a planted gap is found, chance is not, and what cannot be compared is told."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from fer.data.dataset import FaceDataset
from fer.evaluation.groups import fairness, gap_table, group_columns, group_table, groups_of
from fer.evaluation.slices import slices_of
from fer.sections import Compare

SETTINGS = Compare(bootstrap=400, seed=5, sample_faces=7)
CLASSES = ("happy", "sad")


def gaps(right: np.ndarray, people: np.ndarray | None = None, **groups: np.ndarray) -> pd.DataFrame:
    return gap_table(right, groups, people, 400, 5).set_index("property")


def test_a_planted_gap_is_proven_and_chance_is_not():
    rng = np.random.default_rng(1)
    region = np.array(["coast", "hills"] * 150)
    chance = {f"column {n}": rng.choice(["a", "b", "c"], 300) for n in range(5)}
    right = rng.random(300) < np.where(region == "hills", 0.6, 0.85)
    found = gaps(right, region=region, **chance)
    assert found.loc["region", "p_corrected"] < 0.05
    assert found.loc["region", ["best", "worst"]].tolist() == ["coast", "hills"]
    assert found.loc["region", "gap"] == pytest.approx(right[::2].mean() - right[1::2].mean())
    assert (found.drop("region")["p_corrected"] > 0.05).all()
    assert (found["p_corrected"] >= found["p"]).all()


def test_chance_alone_is_called_proven_as_seldom_as_the_level_says():
    rng = np.random.default_rng(2)
    groups = {f"column {n}": rng.choice(["a", "b"], 120) for n in range(4)}
    proven = [(gap_table(rng.random(120) < 0.7, groups, None, 39, n)["p_corrected"] <= 0.05).any() for n in range(50)]
    assert np.mean(proven) < 0.15


def test_people_are_dealt_whole_where_each_is_in_one_group():
    people = np.repeat([f"P{n}" for n in range(6)], 40)
    region = np.repeat(["coast", "hills"], 120)
    # One person is read badly, whoever is in his group: many images, and no evidence on regions.
    right = people != "P5"
    found = gaps(right, people, region=region, camera=np.tile(["phone", "studio"], 120))
    assert found["dealt"].to_dict() == {"region": "people", "camera": "images"}
    assert found.loc["region", "p"] == 1
    assert found.loc["region", "gap"] == pytest.approx(1 / 3)
    assert gaps(right, region=region).loc["region", "p"] < 0.05, "without people it looks proven"


def test_images_of_a_person_are_dealt_among_each_other():
    people = np.repeat(["A", "B"], 60)
    camera = np.concatenate([np.repeat(["phone", "studio"], [50, 10]), np.repeat(["phone", "studio"], [10, 50])])
    # Read by person alone: the cameras' gap is the people's.
    found = gaps(people == "A", people, camera=camera)
    assert found.loc["camera", "gap"] == pytest.approx(40 / 60)
    assert found.loc["camera", "p"] == 1


def test_small_groups_do_not_count_and_images_without_a_group_neither():
    values = np.array(["a"] * 20 + ["b"] * 20 + ["c"] * 3 + [""] * 5)
    found = gaps(values == "a", column=values)
    assert found.loc["column", ["best", "worst"]].tolist() == ["a", "b"]
    assert gaps(values == "a", column=np.where(values == "a", "a", "")).empty


def test_figures_of_every_group():
    labels, predicted = np.array([0, 0, 1, 1, 0, 1]), np.array([0, 1, 1, 1, 0, 0])
    groups = {"age": np.array(["old", "old", "old", "young", "young", ""])}
    table = group_table(labels, predicted, CLASSES, groups, SETTINGS)
    assert table[["group", "images"]].to_numpy().tolist() == [["old", 3], ["young", 2]]
    assert table["accuracy"].tolist() == pytest.approx([2 / 3, 1])
    assert table["recall.happy"].tolist() == [0.5, 1]
    for metric in ("accuracy", "macro_f1", "recall.happy", "recall.sad"):
        assert (table[f"{metric}.low"] <= table[metric] + 1e-9).all()
        assert (table[metric] <= table[f"{metric}.high"] + 1e-9).all()


def with_columns(**columns: np.ndarray) -> FaceDataset:
    dataset = small_dataset(train=2, held_out=20, classes=CLASSES)
    return replace(dataset, table=dataset.table.assign(**columns))


def test_one_group_and_five_thousand_are_told_and_people_are_no_group():
    size = len(with_columns())
    dataset = with_columns(
        camera=np.full(size, "phone"),
        session=np.array([f"s{n}" for n in range(size)]),
        subject=np.array([f"P{n % 30}" for n in range(size)]),
        site=np.array([("a", "b", "")[n % 3] for n in range(size)]),
    )
    assert group_columns(dataset.table) == ["camera", "session", "site"]
    found = fairness(dataset, "test", dataset.labels[dataset.rows("test")], SETTINGS)
    assert set(found.groups["property"]) == {"site", "brightness", "contrast"}
    assert found.told == (
        "camera: not compared on test: one group alone, phone",
        "session: not compared on test: 40 groups; 20 are the most",
    )
    assert (found.groups["accuracy"] == 1).all()
    assert (found.gaps["p_corrected"] == 1).all()
    assert "site: a" in slices_of(dataset, "test")
    assert not any(name.startswith(("camera", "session", "subject")) for name in slices_of(dataset, "test"))


def test_what_a_source_notes_of_its_files_is_no_group():
    """The defect: the sides of a folder's image files were compared as if they were people's regions."""
    size = len(with_columns())
    files = {"source_width": np.full(size, 48), "source_height": np.full(size, 48)}
    assert group_columns(with_columns(**files, region=np.arange(size) % 3).table) == ["region"]


def test_groups_are_those_of_the_splits_rows_in_their_order():
    size = len(with_columns())
    site = np.array([("a", "b")[n % 2] for n in range(size)])
    dataset = with_columns(site=site)
    values, _ = groups_of(dataset, "validation")
    assert values["site"].tolist() == site[dataset.rows("validation")].tolist()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.sampled_from("PQRS")), min_size=40, max_size=60))
def test_any_groups_give_a_share_between_0_and_1(rows):
    right, group, people = (np.array(column) for column in zip(*rows, strict=True))
    found = gap_table(right, {"group": group}, people, 10, 1)
    assert found["p"].between(0, 1).all()
    assert found["gap"].between(0, 1).all()
