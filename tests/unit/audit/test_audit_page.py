"""The page of the audit: of a small data set with all that can be kept, and the published one against its records."""

import json
from pathlib import Path

import pandas as pd
import pytest
from face_datasets import small_dataset

from fer.audit.effects import accuracies, parts_of_test
from fer.audit.flaws import PROXIES
from fer.audit.hand_check import proxy_worth
from fer.audit.page import ACCURACY, SUMMARY, audit_page
from fer.audit.run import audit

ROOT = Path(__file__).parents[3]
RECORDS = ROOT / "docs/records/fer-2013/audit"
PAGE = ROOT / "docs/data-audit.md"


def test_a_page_of_what_every_audit_writes(tmp_path):
    dataset = small_dataset(classes=("happy", "sad"))
    found = audit(dataset, seed=0)
    parts = parts_of_test(dataset, found.table)
    rows = dataset.labels[dataset.rows("test")]
    accuracies(rows, {}, parts, 10, 0).to_csv(tmp_path / ACCURACY, index=False)
    (tmp_path / SUMMARY).write_text(json.dumps(found.summary))
    page = audit_page(tmp_path, "records/small")
    assert page.startswith("# What is wrong with the images and labels of small faces\n")
    assert f"`{dataset.fingerprint}`" in page
    for absent in ("FER+", "Planted", "reference study's list", " nan", "None", "SSIM"):
        assert absent not in page


@pytest.mark.skipif(not PAGE.exists(), reason="no audit is published")
def test_the_published_page_is_what_its_records_give():
    assert PAGE.read_text(encoding="utf-8") == audit_page(RECORDS, "records/fer-2013/audit")


@pytest.mark.skipif(not PAGE.exists(), reason="no audit is published")
def test_exact_copies_are_not_counted_as_near_ones_in_words():
    figures = json.loads((RECORDS / SUMMARY).read_text(encoding="utf-8"))
    near = figures["near"]["surplus"] - figures["exact"]["surplus"]
    assert f"{near:,} more images show a picture" in audit_page(RECORDS, "")


def test_the_published_check_by_hand_is_of_at_least_150_images_none_twice():
    checked = pd.read_csv(RECORDS / "hand_check.csv")
    assert len(checked) >= 150
    assert checked["source_id"].is_unique
    assert checked[list(PROXIES)].isin([0, 1]).all(axis=None)


def test_a_proxys_worth():
    """Ten of a hundred images are named, eight of these rightly; of ninety others at random one in ten is flawed."""
    rows = [("angle", 1.0, 1)] * 8 + [("angle", 1.0, 0)] * 2 + [("random", 0.0, 1)] * 2 + [("random", 0.0, 0)] * 18
    rows += [("lighting", 1.0, 0)] * 5 + [("random", float("nan"), 1)] * 5
    checked = pd.DataFrame(rows, columns=["drawn_as", "angle_score", "angle"])
    for other in set(PROXIES) - {"angle"}:
        checked[[other, f"{other}_score"]] = 0, float("nan")
    worth = proxy_worth(checked, dict.fromkeys(PROXIES, 0.1)).set_index("proxy").loc["angle"]
    assert worth[["checked", "right"]].tolist() == [10, 8]
    assert worth["precision"] == 0.8
    assert worth["share"] == pytest.approx(0.08 + 0.09)
    assert worth["recall"] == pytest.approx(0.08 / 0.17)
