from dataclasses import replace

import numpy as np
import pytest
from face_datasets import small_dataset, without_rows

from fer.delivery.data_drift import drift_between, facts_of, facts_of_json

DATASET = small_dataset(train=20, held_out=1)


def test_the_same_data_do_not_differ_and_their_facts_survive_the_file():
    facts = facts_of(DATASET)
    assert facts_of_json(facts.to_json()) == facts
    assert facts.images == 20 * len(DATASET.classes)
    assert sum(facts.shares.values()) == pytest.approx(1)
    drift = drift_between(facts, facts)
    assert (drift.class_mix, set(drift.properties.values())) == (0, {0.0})


def test_a_class_that_is_gone_and_darker_faces_are_seen():
    happy = np.flatnonzero((DATASET.table["emotion"] == "happy") & (DATASET.table["split"] == "train"))
    gone = facts_of(without_rows(DATASET, happy))
    share = 1 / len(DATASET.classes)
    assert drift_between(facts_of(DATASET), gone).class_mix == pytest.approx(share, abs=0.01)
    dark = replace(DATASET, images=(DATASET.images * 0.6).astype(np.uint8))
    drift = drift_between(facts_of(DATASET), facts_of(dark))
    assert drift.properties["brightness"] > 0.9
    assert drift.class_mix == 0


def test_another_sample_of_the_same_faces_differs_little():
    rows = DATASET.rows("train")
    one, other = (facts_of(without_rows(DATASET, rows[start::2])) for start in (0, 1))
    assert max(drift_between(one, other).properties.values()) < 0.35
