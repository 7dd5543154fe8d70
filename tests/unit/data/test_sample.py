"""The drawn sample: its bytes, its shares, and flaws that are what its table says."""

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_faces import MANY, drawn_sample
from project import ROOT
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer.data.dataset import SPLITS
from fer.data.drawing.covers import COVERS
from fer.data.sample import FER2013_COUNTS, FLAW_SHARES, SPLIT_SHARE, class_counts, draw_sample
from fer.emotions import EMOTIONS
from fer.inference.face_size import FACE_SIZE
from fer.params import load_params

Sample = tuple[np.ndarray, pd.DataFrame]


@pytest.fixture(scope="module")
def sample() -> Sample:
    return drawn_sample(*MANY)


def pairs(sample: Sample, flaw: str) -> list[tuple[pd.Series, np.ndarray, pd.Series, np.ndarray]]:
    """Each row of a copying flaw with its image, its original's row and image."""
    images, table = sample
    by_id = table.reset_index().set_index("source_id")
    found = []
    for number, row in table[table["flaw"] == flaw].iterrows():
        original = by_id.loc[row["flaw_of"]]
        found.append((row, images[number], original, images[original["index"]]))
    assert found
    return found


def flawed(sample: Sample, flaw: str) -> tuple[np.ndarray, pd.DataFrame]:
    images, table = sample
    rows = np.flatnonzero(table["flaw"] == flaw)
    assert len(rows)
    return images[rows], table.iloc[rows]


def test_shapes_types_and_columns(sample: Sample) -> None:
    images, table = sample
    assert images.shape == (700, 48, 48)
    assert images.dtype == np.uint8
    assert list(table.columns) == ["emotion", "split", "source_id", "flaw", "flaw_of", "true_emotion", "occlusion"]
    assert list(table.index) == list(range(700))
    assert table["source_id"].is_unique
    assert table["source_id"][42] == "sample-00042"
    assert set(table["emotion"]) == set(EMOTIONS)
    assert set(table["occlusion"]) == {"", *COVERS}
    assert not table.isna().any().any()


def test_the_same_seed_draws_the_same_bytes_and_another_does_not() -> None:
    images, table = drawn_sample(70, 1)
    again, table_again = draw_sample(70, 1)
    other, _ = draw_sample(70, 2)
    assert images.tobytes() == again.tobytes()
    pd.testing.assert_frame_equal(table, table_again)
    assert images.tobytes() != other.tobytes()


def test_classes_have_the_shares_of_fer2013_but_for_disgust_which_has_a_tenth(sample: Sample) -> None:
    shares = sample[1]["emotion"].value_counts(normalize=True)
    assert shares["disgust"] == pytest.approx(0.1, abs=0.002)
    others = {emotion: count for emotion, count in FER2013_COUNTS.items() if emotion != "disgust"}
    for emotion, count in others.items():
        assert shares[emotion] == pytest.approx(0.9 * count / sum(others.values()), abs=0.002)


def test_the_committed_sample_has_fifteen_test_images_of_every_class() -> None:
    images = load_params(ROOT / "params.yaml").data.sample.images
    assert round(min(class_counts(images).values()) * SPLIT_SHARE) >= 15


@pytest.mark.parametrize("images", [70, 71, 100, 137, 300])
def test_every_class_is_in_every_split_at_any_size(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn changes nothing in the table but the covers."""
    monkeypatch.setattr("fer.data.sample.draw_face", lambda *_: np.zeros((FACE_SIZE, FACE_SIZE), np.uint8))
    _, table = draw_sample(images, 3)
    assert len(table) == images
    counts = pd.crosstab(table["split"], table["emotion"])
    assert set(counts.index) == set(SPLITS)
    assert set(counts.columns) == set(EMOTIONS)
    assert counts.to_numpy().min() >= 1
    least = FLAW_SHARES if images >= 300 else ("blank", "duplicate", "leak")
    assert set(least) <= set(table["flaw"])


def test_splits_are_86_7_7_within_each_class(sample: Sample) -> None:
    counts = pd.crosstab(sample[1]["emotion"], sample[1]["split"])
    held_out = counts[["validation", "test"]].div(counts.sum(axis=1), axis=0)
    assert (abs(held_out.to_numpy() - 0.07) < 0.02).all()
    assert (counts["validation"] == counts["test"]).all()


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 70 images"):
        draw_sample(69, 1)


def test_flaws_have_their_shares_and_only_train_rows_carry_them(sample: Sample) -> None:
    table = sample[1]
    counts = table["flaw"].value_counts()
    for flaw, share in FLAW_SHARES.items():
        assert counts[flaw] == round(share * 700)
    assert set(table.loc[table["flaw"] != "", "split"]) == {"train"}


def test_blanks_are_constant_and_nothing_else_is(sample: Sample) -> None:
    images, table = sample
    constant = images.reshape(len(images), -1).std(axis=1) == 0
    assert (constant == (table["flaw"] == "blank")).all()


def test_a_duplicate_repeats_a_clean_train_row_with_the_same_label(sample: Sample) -> None:
    for row, image, original, source in pairs(sample, "duplicate"):
        assert image.tobytes() == source.tobytes()
        assert row["emotion"] == row["true_emotion"] == original["emotion"]
        assert (original["split"], original["flaw"]) == ("train", "")


def test_a_leak_repeats_a_clean_evaluation_row(sample: Sample) -> None:
    for row, image, original, source in pairs(sample, "leak"):
        assert image.tobytes() == source.tobytes()
        assert row["emotion"] == original["emotion"]
        assert original["split"] in ("validation", "test")
        assert original["flaw"] == ""


def test_a_conflict_repeats_a_clean_train_row_under_another_label(sample: Sample) -> None:
    for row, image, original, source in pairs(sample, "conflict"):
        assert image.tobytes() == source.tobytes()
        assert row["emotion"] != original["emotion"] == row["true_emotion"]
        assert (original["split"], original["flaw"]) == ("train", "")


def test_exact_copies_are_listed_and_no_others_exist(sample: Sample) -> None:
    images, table = sample
    copies = table["flaw_of"] != ""
    assert set(table.loc[copies, "flaw"]) == {"duplicate", "leak", "conflict"}
    unlisted = images[~copies & (table["flaw"] != "blank")]
    assert len({image.tobytes() for image in unlisted}) == len(unlisted)


def test_labels_and_drawn_emotions_differ_only_where_the_flaw_says_so(sample: Sample) -> None:
    table = sample[1]
    wrong = table["flaw"].isin(["wrong_label", "conflict"])
    faceless = table["flaw"].isin(["blank", "not_a_face"])
    assert (table.loc[wrong, "emotion"] != table.loc[wrong, "true_emotion"]).all()
    assert (table.loc[faceless, "true_emotion"] == "").all()
    rest = table[~wrong & ~faceless]
    assert (rest["emotion"] == rest["true_emotion"]).all()


def test_dark_images_are_nearly_black_and_not_constant(sample: Sample) -> None:
    images, _ = flawed(sample, "dark")
    assert images.mean() < 12
    assert images.max() < 20
    assert (images.reshape(len(images), -1).std(axis=1) > 0).all()


def test_hog_tells_emotions_apart_on_clean_test_faces(sample: Sample) -> None:
    images, table = sample
    descriptor = cv2.HOGDescriptor((48, 48), (16, 16), (8, 8), (8, 8), 9)
    features = np.stack([np.ravel(descriptor.compute(image)) for image in images])
    # A leak would let the classifier remember a test face.
    train = ((table["split"] == "train") & (table["flaw"] != "leak")).to_numpy()
    test = (table["split"] == "test").to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=500))
    model.fit(features[train], table["emotion"][train])
    # The largest class alone gives 0.25.
    assert model.score(features[test], table["emotion"][test]) > 0.6


def test_inverted_faces_correlate_negatively_with_the_average_face(sample: Sample) -> None:
    images, table = sample
    average = images[table["flaw"] == ""].mean(axis=0).ravel()
    correlations = [np.corrcoef(average, image.ravel())[0, 1] for image in flawed(sample, "inverted")[0]]
    clean = [np.corrcoef(average, image.ravel())[0, 1] for image in images[table["flaw"] == ""][:100]]
    assert np.mean(correlations) < -0.1 < 0.2 < np.mean(clean)


def test_objects_look_less_like_the_average_face_than_faces_do(sample: Sample) -> None:
    images, table = sample
    average = images[table["flaw"] == ""].mean(axis=0).ravel()
    objects = [np.corrcoef(average, image.ravel())[0, 1] for image in flawed(sample, "not_a_face")[0]]
    clean = [np.corrcoef(average, image.ravel())[0, 1] for image in images[table["flaw"] == ""][:100]]
    assert np.mean(objects) < np.mean(clean) - 0.2
