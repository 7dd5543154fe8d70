"""Weak parts: planted ones are found and confirmed, and noise is not."""

import numpy as np
import pandas as pd

from fer.audit.segments import describing, weak_parts
from fer.sections import Compare

SETTINGS = Compare(bootstrap=200, seed=0, sample_faces=1)


def drawn_facts(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame({"brightness": rng.uniform(0, 255, 2000), "contrast": rng.uniform(0, 90, 2000)})


def test_a_planted_weakness_is_found_in_words_and_confirmed():
    """Half of the dark images are read wrongly, and a tenth of the others."""
    rng = np.random.default_rng(1)
    facts = drawn_facts(rng)
    dark = (facts["brightness"] < 50).to_numpy()
    wrong = rng.random(2000) < np.where(dark, 0.5, 0.1)
    found = weak_parts(facts, {"net": wrong}, np.arange(2000), {}, SETTINGS)
    worst = found.iloc[0]
    assert worst["part"].startswith("brightness at most ")
    assert 40 < float(worst["part"].split()[3].rstrip(",")) < 55
    assert worst["low"] > 0.2
    assert worst["p"] < 0.001


def test_a_weakness_of_chance_is_found_on_one_half_and_not_confirmed():
    rng = np.random.default_rng(2)
    facts = drawn_facts(rng)
    wrong = {str(number): rng.random(2000) < 0.3 for number in range(10)}
    found = weak_parts(facts, wrong, np.arange(2000), {}, SETTINGS)
    assert len(found) >= 10
    assert (found["found_error"] > 0.3).all()
    assert (found["p"] > 0.05).all()
    assert (found["found_error"] - found["error"]).mean() > 0.05


def test_copies_stay_in_one_half():
    """Of pairs of copies, as many images of a part are in either half as there are pairs."""
    rng = np.random.default_rng(3)
    facts = pd.concat([drawn_facts(rng)[:500]] * 2, ignore_index=True)
    part = {"first": np.arange(1000) % 500 < 250}
    found = weak_parts(facts, {"net": rng.random(1000) < 0.3}, np.arange(1000) % 500, part, SETTINGS)
    row = found[found["part"] == "first"].iloc[0]
    assert row["images"] % 2 == row["found_images"] % 2 == 0
    assert row["images"] + row["found_images"] == 500


def test_group_columns_describe_parts_and_the_truth_of_a_drawn_sample_does_not():
    table = pd.DataFrame(
        {
            "emotion": ["happy", "sad"] * 20,
            "true_emotion": ["happy", "sad"] * 20,
            "votes.happy": 1,
            "camera": ["a", "b"] * 20,
            "name": [str(number) for number in range(40)],
            "site": "x",
        }
    )
    facts = describing(table, pd.DataFrame({"brightness": 1.0, "label_quality": 0.5}, index=table.index))
    assert list(facts) == ["brightness", "camera a", "camera b"]


def test_a_handful_of_images_has_no_parts():
    facts = drawn_facts(np.random.default_rng(0))[:30]
    assert weak_parts(facts, {"net": np.ones(30, bool)}, np.arange(30), {}, SETTINGS).empty
