import hashlib
from dataclasses import replace

import numpy as np
import pytest
from face_datasets import small_dataset, with_images, with_values, without_rows

from fer.data.statistics import class_counts, face_likeness, image_statistics
from fer.emotions import EMOTIONS

TRAIN, TEST = 0, 90


def test_grey_values_are_those_of_the_pixels() -> None:
    half = np.zeros((48, 48), np.uint8)
    half[:, :24] = 200
    dataset = with_images(small_dataset(), {TRAIN: half, TEST: np.full((48, 48), 17, np.uint8)})
    statistics = image_statistics(dataset)
    assert statistics.loc[TRAIN, ["brightness", "contrast", "minimum", "maximum"]].tolist() == [100, 100, 0, 200]
    assert statistics.loc[TEST, ["brightness", "contrast", "minimum", "maximum"]].tolist() == [17, 0, 17, 17]
    assert (statistics[["height", "width"]] == 48).all(axis=None)


def test_the_digest_is_that_of_the_present_pixels_whatever_the_table_says() -> None:
    dataset = small_dataset()
    images = dataset.images.copy()
    images[TRAIN] = 0
    digests = image_statistics(replace(dataset, images=images))["pixels_sha256"]
    assert digests[TRAIN] == hashlib.sha256(bytes(48 * 48)).hexdigest()
    assert digests.index[digests != dataset.table["sha256"]].tolist() == [TRAIN]


def test_statistics_keep_the_index_of_the_table() -> None:
    dataset = without_rows(small_dataset(), range(5))
    shifted = replace(dataset, table=dataset.table.set_axis(np.arange(len(dataset)) + 100))
    assert image_statistics(shifted).index.tolist() == shifted.table.index.tolist()


def test_inverted_faces_are_unlike_faces() -> None:
    images = small_dataset().images.copy()
    images[:3] = 255 - images[:3]
    likeness = face_likeness(images)
    assert (likeness[:3] < -0.5).all()
    assert (likeness[3:] > 0.5).all()


def test_light_from_one_side_does_not_make_a_face_unlike() -> None:
    images = small_dataset().images.copy()
    shade = np.linspace(0.2, 1, 48)
    images[0] = (images[0] * shade).astype(np.uint8)
    assert face_likeness(images)[0] > 0.5


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_constant_image_resembles_nothing(level: int) -> None:
    images = small_dataset().images.copy()
    images[0] = level
    assert face_likeness(images)[0] == 0


def test_constant_images_alone_resemble_nothing() -> None:
    assert face_likeness(np.full((3, 48, 48), 9, np.uint8)).tolist() == [0, 0, 0]


def test_class_counts_keep_empty_classes_and_order() -> None:
    dataset = small_dataset()
    fear_in_test = [row for row in dataset.rows("test") if dataset.table["emotion"][row] == "fear"]
    counts = class_counts(without_rows(dataset, fear_in_test))
    assert list(counts.columns) == ["split", "emotion", "images", "share"]
    assert counts["split"].tolist() == ["train"] * 7 + ["validation"] * 7 + ["test"] * 7
    assert counts["emotion"].tolist() == list(EMOTIONS) * 3
    test = counts[counts["split"] == "test"].set_index("emotion")
    assert test.loc["fear", "images"] == 0
    assert test.loc["happy", "share"] == pytest.approx(4 / 24)


def test_class_counts_of_an_empty_split_are_zero() -> None:
    counts = class_counts(with_values(small_dataset(), "split", dict.fromkeys(range(56, 84), "train")))
    validation = counts[counts["split"] == "validation"]
    assert validation["images"].sum() == 0
    assert (validation["share"] == 0).all()
