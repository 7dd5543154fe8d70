"""Doubtful labels: found where they are planted, by a classifier that has not seen the image or its copies."""

import numpy as np
import pytest
from drawn_faces import MANY, drawn_sample

from fer.audit.labels import audit_labels, gradients, out_of_fold, ranking_figures
from fer.emotions import EMOTIONS


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of three classes apart from each other, their labels with one in twenty wrong, and which are."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 900)
    points = rng.normal(size=(900, 6)) + 4 * np.eye(6)[labels]
    wrong = rng.random(900) < 0.05
    return points.astype(np.float32), np.where(wrong, (labels + rng.integers(1, 3, 900)) % 3, labels), wrong


def test_planted_wrong_labels_rank_first_and_the_suggestion_is_the_right_one(blobs):
    points, labels, wrong = blobs
    probabilities = out_of_fold(points, labels, np.arange(len(points)), 3, seed=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    audited = audit_labels(labels, probabilities, ("a", "b", "c"))
    figures = ranking_figures(wrong, audited["label_quality"].to_numpy(), audited["label_doubtful"].to_numpy())
    assert figures["flagged_recall"] >= 0.7
    assert figures["flagged_precision"] >= 0.7
    assert figures["average_precision"] >= 0.8
    assert (audited["suggested"] != np.array(["a", "b", "c"])[labels])[audited["label_doubtful"]].all()


def test_probabilities_do_not_come_from_the_image_or_a_copy_of_it():
    """A label that nothing but the image itself could tell is not known, though a copy has it too."""
    rng = np.random.default_rng(0)
    points = np.repeat(10 * np.eye(60), 2, axis=0)  # sixty pictures, twice each, unlike each other
    labels = np.repeat(rng.integers(0, 2, 60), 2)
    alone = out_of_fold(points, labels, np.arange(120), 2, seed=0)
    grouped = out_of_fold(points, labels, np.repeat(np.arange(60), 2), 2, seed=0)
    assert (alone.argmax(axis=1) == labels).mean() > 0.7
    assert (grouped.argmax(axis=1) == labels).mean() < 0.65


def test_the_same_seed_gives_the_same_probabilities(blobs):
    points, labels, _ = blobs
    one, other = (out_of_fold(points, labels, np.arange(len(points)), 3, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_class_of_two_images_and_one_class_alone():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 4))
    labels = np.array([0] * 40 + [1] * 18 + [2] * 2)
    probabilities = out_of_fold(points, labels, np.arange(60), 3, seed=0)
    assert np.isfinite(probabilities).all()
    audited = audit_labels(labels, probabilities, ("a", "b", "c"))
    assert len(audited) == 60
    assert audited["label_quality"].between(0, 1).all()


def test_figures_of_a_known_ranking():
    wrong = np.array([True, False, True, False] * 50)
    quality = np.where(wrong, 0.1, 0.9)
    figures = ranking_figures(wrong, quality, wrong)
    assert figures == {
        "images": 200,
        "base_rate": 0.5,
        "average_precision": 1,
        "precision_at_100": 1,
        "flagged": 0.5,
        "flagged_precision": 1,
        "flagged_recall": 1,
    }


def test_gradients_tell_drawn_emotions_apart():
    images, table = drawn_sample(*MANY)
    labels = np.array([EMOTIONS.index(emotion) for emotion in table["emotion"]])
    points = gradients(images)
    assert points.shape == (len(images), 900)
    probabilities = out_of_fold(points, labels, np.arange(len(images)), 7, seed=0)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.5


@pytest.mark.parametrize("each", [1, 2, 3])
def test_classes_with_fewer_images_than_folds(each):
    labels = np.repeat(np.arange(3), each)
    points = np.random.default_rng(0).normal(size=(len(labels), 4))
    probabilities = out_of_fold(points, labels, np.arange(len(labels)), 3, seed=0)
    assert probabilities.shape == (3 * each, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
