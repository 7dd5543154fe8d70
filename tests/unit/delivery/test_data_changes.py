from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset, without_rows
from hypothesis import given
from hypothesis import strategies as st

from fer.delivery.data_changes import ROW_COLUMNS, changes_between, rows_of, rows_of_csv, rows_to_csv

DATASET = small_dataset(train=20, held_out=2)
ROWS = rows_of(DATASET)


def test_the_same_data_have_not_changed_and_their_rows_survive_the_file():
    pd.testing.assert_frame_equal(rows_of_csv(rows_to_csv(ROWS)), ROWS)
    same = changes_between(ROWS, ROWS)
    assert same.words == "0 images added to train, 0 removed, 0 relabelled; validation and test: as before"
    assert same.before == same.now
    with pytest.raises(ValueError, match="columns"):
        rows_of_csv("sha256,emotion\n")


def test_what_came_went_and_was_relabelled_is_counted_by_emotion():
    train = DATASET.rows("train")
    happy = train[(DATASET.table["emotion"].iloc[train] == "happy").to_numpy()]
    sad = train[(DATASET.table["emotion"].iloc[train] == "sad").to_numpy()]
    former = rows_of(without_rows(DATASET, happy[:5]))
    table = DATASET.table.copy()
    table.loc[sad[:3], "emotion"] = "angry"
    present = rows_of(without_rows(replace(DATASET, table=table), sad[3:5]))
    found = changes_between(former, present)
    assert (found.added, found.removed, found.relabelled) == ({"happy": 5}, {"sad": 2}, {"angry": 3})
    assert found.held_out == 0
    assert found.words.startswith("5 images added to train (happy 5), 2 removed (sad 2), 3 relabelled (angry 3); ")
    row = found.table().set_index("emotion").loc["sad"]
    assert (row["before"].split()[0], row["now"].split()[0]) == ("20", "15")


def test_a_held_out_image_that_moved_is_told():
    moved = ROWS.copy()
    moved.loc[DATASET.rows("test")[0], "split"] = "train"
    found = changes_between(ROWS, moved)
    assert (sum(found.added.values()), found.held_out) == (1, 1)
    assert "validation and test: 1 changed" in found.words


rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["train", "test"]), st.sampled_from(["happy", "sad"])),
    max_size=12,
).map(lambda found: pd.DataFrame(found, columns=list(ROW_COLUMNS), dtype=str))


@given(rows, rows)
def test_before_with_what_came_and_without_what_went_is_now(former, present):
    found = changes_between(former, present)
    total = {name: sum(counts.values()) for name, counts in vars(found).items() if name != "held_out"}
    assert total["before"] + total["added"] - total["removed"] == total["now"]
    back = changes_between(present, former)
    assert (found.added, found.removed, found.held_out) == (back.removed, back.added, back.held_out)
    assert np.all([count > 0 for counts in (found.added, found.removed) for count in counts.values()])
