from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset, with_values, with_votes

from fer.emotions import FERPLUS_OTHER, FERPLUS_VOTES
from fer.errors import UserError
from fer.evaluation.votes import confused_labels, labels_given_votes, votes_as_teacher
from fer.job import VOTES_TEACHERS


def test_votes_are_translated_to_the_words_of_the_labels() -> None:
    """Where all that people call neutral is labelled happy, votes for neutral say happy."""
    dataset = with_votes(small_dataset(train=40, held_out=1))
    said = dataset.table["emotion"]
    dataset = with_values(dataset, "emotion", dict.fromkeys(said.index[said == "neutral"], "happy"))
    train = dataset.rows("train")
    predicted = labels_given_votes(dataset)[train]
    assert predicted.dtype == np.float32
    assert predicted.shape == (len(train), 7)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)
    neutral = (said[train] == "neutral").to_numpy()
    happy, unseen = dataset.classes.index("happy"), dataset.classes.index("neutral")
    assert (predicted[neutral].argmax(axis=1) == happy).all()
    assert (predicted[:, unseen] == 0).all(), "no image has that label"


def test_a_label_that_people_dispute_is_as_probable_as_it_is_frequent() -> None:
    """All ten say happy: it is. Five say happy and five sad: half of these images are labelled so."""
    dataset = small_dataset(train=40, held_out=1, classes=("happy", "sad"))
    happy, sad = (np.flatnonzero(dataset.table["emotion"] == emotion)[:40] for emotion in dataset.classes)
    votes = dict.fromkeys([*FERPLUS_VOTES, *FERPLUS_OTHER], np.zeros(len(dataset.table), np.uint8))
    for name, sure in (("happiness", happy[:20]), ("sadness", sad[:20])):
        votes[name] = votes[name].copy()
        votes[name][sure] = 10
        votes[name][[*happy[20:], *sad[20:]]] = 5
    table = dataset.table.assign(**{f"votes.{name}": column for name, column in votes.items()})
    predicted = labels_given_votes(replace(dataset, table=table))
    assert (predicted[happy[:20], 0] > 0.9).all()
    assert (predicted[sad[:20], 1] > 0.9).all()
    np.testing.assert_allclose(predicted[[*happy[20:], *sad[20:]]], 0.5, atol=0.01)


def test_a_class_is_confused_with_the_labels_of_images_with_such_votes() -> None:
    """A fifth of the images that look sad are labelled angry, another is labelled happy, and all happy ones look so."""
    dataset = small_dataset(train=50, held_out=1, classes=("angry", "happy", "sad"))
    train = dataset.rows("train")
    sad = train[dataset.labels[train] == 2]
    labels = dataset.table["emotion"].astype(str).copy()
    labels[sad[:10]], labels[sad[10:20]] = "angry", "happy"
    seen = dict.fromkeys([*FERPLUS_VOTES, *FERPLUS_OTHER], np.zeros(len(dataset.table), np.uint8))
    for name, emotion in (("anger", "angry"), ("happiness", "happy"), ("sadness", "sad")):
        seen[name] = np.where(dataset.table["emotion"] == emotion, 10, 0)
    table = dataset.table.assign(**{f"votes.{name}": column for name, column in seen.items()})
    table["emotion"] = pd.Categorical(labels, categories=list(dataset.classes))
    confused = confused_labels(replace(dataset, table=table))
    assert confused.dtype == np.float32
    np.testing.assert_array_equal(confused.diagonal(), 0)
    np.testing.assert_allclose(confused.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(confused[2], [0.5, 0.5, 0], atol=0.02)
    # Ten angry images look sad, of which 6 in 10 are labelled sad and 2 happy.
    np.testing.assert_allclose(confused[0], [0, 0.25, 0.75], atol=0.05)


def test_a_class_without_a_train_image_is_confused_with_none() -> None:
    dataset = with_votes(small_dataset(train=10, held_out=1))
    labels = dataset.table["emotion"]
    dataset = with_values(dataset, "emotion", dict.fromkeys(labels.index[labels == "neutral"], "happy"))
    neutral = dataset.classes.index("neutral")
    np.testing.assert_array_equal(confused_labels(dataset)[neutral], np.eye(7)[neutral])


def test_validation_and_test_have_no_part_in_it() -> None:
    dataset = with_votes(small_dataset(train=10, held_out=10))
    table = dataset.table.copy()
    held_out = table.index[table["split"] != "train"]
    table.loc[held_out, "emotion"] = "sad"
    table.loc[held_out, table.columns.str.startswith("votes.")] = 7
    other = replace(dataset, table=table)
    train = dataset.rows("train")
    np.testing.assert_array_equal(labels_given_votes(other)[train], labels_given_votes(dataset)[train])
    assert votes_as_teacher(other, 0.5) == votes_as_teacher(dataset, 0.5)


def test_every_image_has_its_own_wherever_it_stands() -> None:
    dataset = with_votes(small_dataset(train=10, held_out=10))
    order = np.random.default_rng(1).permutation(len(dataset.table))
    scattered = replace(dataset, table=dataset.table.loc[order].reset_index(drop=True), images=dataset.images[order])
    np.testing.assert_allclose(labels_given_votes(scattered), labels_given_votes(dataset)[order], atol=1e-4)


def test_an_image_without_votes_keeps_its_label() -> None:
    """Reviewed images join train without any."""
    dataset = with_votes(small_dataset(train=10, held_out=1))
    table = dataset.table.astype({name: float for name in dataset.table.columns if name.startswith("votes.")})
    table.loc[3, table.columns.str.startswith("votes.")] = np.nan
    predicted = labels_given_votes(replace(dataset, table=table))
    np.testing.assert_array_equal(predicted[3], np.eye(7)[dataset.labels[3]])
    assert (predicted[:3].max(axis=1) < 1).all()


def test_votes_are_translated_for_images_outside_train() -> None:
    dataset = with_votes(small_dataset(train=30, held_out=10))
    table = dataset.table.astype({name: float for name in dataset.table.columns if name.startswith("votes.")})
    test = dataset.rows("test")
    table.loc[test[0], table.columns.str.startswith("votes.")] = np.nan
    predicted = labels_given_votes(replace(dataset, table=table))[test]
    assert predicted.shape == (len(test), 7)
    assert (predicted.argmax(axis=1) == dataset.labels[test])[1:].mean() > 0.9
    np.testing.assert_allclose(predicted[0], 1 / 7, rtol=1e-5, err_msg="without votes, the shares of train")


def test_the_teacher_changes_with_a_vote_and_with_a_label() -> None:
    dataset = with_votes(small_dataset(train=2, held_out=1))
    teacher = votes_as_teacher(dataset, 0.5)
    assert (teacher.members, teacher.share) == (VOTES_TEACHERS["image"], 0.5)
    other_vote = with_values(dataset, "votes.NF", {0: 9})
    other_label = with_values(dataset, "emotion", {0: "sad"})
    assert len({each.digest for each in (teacher, *(votes_as_teacher(d, 0.5) for d in (other_vote, other_label)))}) == 3


@pytest.mark.parametrize("column", [None, "votes.anger"])
def test_data_without_votes_are_one_line(column: str | None) -> None:
    dataset = small_dataset(train=2, held_out=1)
    if column:
        dataset = replace(dataset, table=dataset.table.assign(**{column: np.nan}))
    with pytest.raises(
        UserError, match=r"^the data set has no FER\+ votes, which are of FER-2013 alone; set data.source"
    ):
        labels_given_votes(dataset)
