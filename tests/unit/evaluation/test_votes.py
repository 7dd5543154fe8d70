from dataclasses import replace

import numpy as np
import pytest
from face_datasets import small_dataset, with_values, with_votes

from fer.emotions import FERPLUS_OTHER, FERPLUS_VOTES
from fer.errors import UserError
from fer.evaluation.votes import labels_given_votes


def test_votes_are_translated_to_the_words_of_the_labels() -> None:
    """Where all that people call neutral is labelled happy, votes for neutral say happy."""
    dataset = with_votes(small_dataset(train=40, held_out=1))
    said = dataset.table["emotion"]
    dataset = with_values(dataset, "emotion", dict.fromkeys(said.index[said == "neutral"], "happy"))
    predicted = labels_given_votes(dataset)
    train = dataset.rows("train")
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


def test_data_without_votes_are_one_line() -> None:
    with pytest.raises(UserError, match=r"^the data set has no FER\+ votes; give fer2013new.csv as data.votes and run"):
        labels_given_votes(small_dataset(train=2, held_out=1))
