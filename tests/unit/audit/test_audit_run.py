"""The whole audit on the drawn sample, whose flaws are planted and known."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_faces import MANY, drawn_sample
from face_datasets import small_dataset

from fer.audit.effects import accuracies, parts_of_test
from fer.audit.figures import label_figures, near_leaks
from fer.audit.run import Audit, audit
from fer.data.cleaning import image_hashes, train_copies
from fer.data.dataset import FaceDataset
from fer.emotions import EMOTIONS, FERPLUS_OTHER, FERPLUS_VOTES


@pytest.fixture(scope="module")
def sample() -> FaceDataset:
    """The drawn sample with its flaws left in."""
    pixels, table = drawn_sample(*MANY)
    table = table.assign(sha256=image_hashes(pixels))
    table["train_copy"] = train_copies(table)
    return FaceDataset("drawn", EMOTIONS, pixels, table, table.iloc[:0].assign(reason="", copy_of=""))


def part(sample: FaceDataset, train: int) -> FaceDataset:
    """The test split, and some of the train split."""
    rows = np.sort(np.concatenate([sample.rows("train")[:train], sample.rows("test")]))
    return replace(sample, images=sample.images[rows], table=sample.table.iloc[rows].reset_index(drop=True))


@pytest.fixture(scope="module")
def audited(sample: FaceDataset) -> Audit:
    return audit(sample, seed=0)


def found(sample: FaceDataset, flaw: str, by: pd.Series) -> float:
    """Share of the images with a flaw that a column names."""
    rows = (sample.table["flaw"] == flaw).to_numpy()
    assert rows.any()
    return float(by.to_numpy()[rows].mean())


def test_planted_blank_and_inverted_images_are_found(sample, audited):
    assert found(sample, "blank", audited.table["flaw_blank"]) >= 0.95
    assert found(sample, "inverted", audited.table["flaw_inverted"]) >= 0.95
    assert found(sample, "dark", audited.table["flaw_dark"] | audited.table["flaw_flat"]) >= 0.95
    clean = (sample.table["flaw"] == "").to_numpy()
    assert not audited.table["flaw_blank"][clean].any()
    assert audited.table["flaw_inverted"][clean].mean() < 0.01


def test_planted_copies_and_leaks_are_found_with_their_originals(sample, audited):
    for flaw in ("duplicate", "conflict", "leak"):
        assert found(sample, flaw, audited.table["equal_to"] != "") >= 0.95
    leaks = sample.table[sample.table["flaw"] == "leak"]
    originals = sample.table["source_id"].isin(leaks["flaw_of"])
    assert near_leaks(audited.table)[originals].mean() >= 0.95
    exact = audited.summary["exact"]
    assert exact["conflicting_groups"] >= (sample.table["flaw"] == "conflict").sum()
    assert exact["surplus"] == sample.table["sha256"].duplicated().sum()


def test_seven_of_ten_planted_wrong_labels_are_doubtful(sample, audited):
    assert found(sample, "wrong_label", audited.table["label_doubtful"]) >= 0.7
    assert audited.table["label_doubtful"].mean() < 0.2


def test_planted_near_leaks_are_named(sample):
    """Test images that are mirrored and relit in train."""
    sample = part(sample, 270)
    train, test = sample.rows("train"), sample.rows("test")[:20]
    images = sample.images.copy()
    images[train[:20]] = np.clip(images[test][:, :, ::-1] * 0.8 + 20, 0, 255).astype(np.uint8)
    leaky = replace(sample, images=images, table=sample.table.assign(sha256=image_hashes(images)))
    result = audit(leaky, seed=0)
    assert near_leaks(result.table)[test].mean() >= 0.9
    assert result.summary["near"]["mirrored_pairs"] >= 18
    between = result.pairs[["first_split", "second_split"]].apply(set, axis=1)
    assert (between == {"train", "test"}).sum() >= 18


def test_the_table_has_a_row_per_image_in_order(sample, audited):
    assert audited.table["source_id"].tolist() == sample.table["source_id"].tolist()
    assert audited.table.notna().all(axis=None)


def test_the_audit_repeats(sample):
    one, other = (audit(part(sample, 70), seed=0) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.pairs, other.pairs)
    assert one.summary == other.summary


def test_images_of_another_size_are_audited_as_faces():
    small = small_dataset(classes=("happy", "sad"))
    large = replace(small, images=np.stack([cv2.resize(image, (100, 100)) for image in small.images]))
    result = audit(large, seed=0)
    assert result.summary["images"] == len(small)
    assert result.table["brightness"].to_numpy() == pytest.approx(small.images.mean(axis=(1, 2)), abs=3)


def test_a_small_data_set_of_two_classes():
    result = audit(small_dataset(classes=("happy", "sad")), seed=0)
    assert set(result.table["suggested"]) <= {"happy", "sad"}
    assert result.summary["images"] == len(result.table)


def test_ferplus_votes_measure_the_ranking(sample, audited):
    """Votes that call the planted wrong labels wrong."""
    votes = {f"votes.{name}": np.zeros(len(sample), np.uint8) for name in (*FERPLUS_VOTES, *FERPLUS_OTHER)}
    truth = sample.table["true_emotion"].where(sample.table["true_emotion"] != "", sample.table["emotion"])
    for name, emotion in FERPLUS_VOTES.items():
        votes[f"votes.{name}"][(truth == emotion).to_numpy()] = 10
    measured = label_figures(replace(sample, table=sample.table.assign(**votes)), audited.table)
    for truths in ("majority", "unanimous"):
        figures = measured[truths]["all"]
        assert figures["base_rate"] == pytest.approx((truth != sample.table["emotion"]).mean())
        assert figures["precision_at_100"] > 2 * figures["base_rate"]
    assert "majority" not in audited.summary["labels"]


def test_accuracy_on_parts_of_test(sample, audited):
    parts = parts_of_test(sample, audited.table)
    rows = sample.rows("test")
    labels = sample.labels[rows]
    perfect = np.eye(7)[labels]
    table = accuracies(labels, {"perfect": perfect, "other": np.roll(perfect, 1, axis=1)}, parts, 50, 0)
    assert table["images"].tolist()[: len(parts)] == [int(part.sum()) for part in parts.values()]
    counted = table[table["images"] > 0]
    assert (counted["accuracy"] == (counted["model"] == "perfect")).all()
    assert parts["without exact copies"].sum() == (~sample.table["train_copy"][rows]).sum()
    assert not (parts["without exact and near copies"] & ~parts["without exact copies"]).any()
