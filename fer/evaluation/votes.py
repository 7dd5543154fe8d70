"""FER+'s votes as a teacher: how often train images with such votes have each label."""

import hashlib

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.slices import ferplus_votes
from fer.job import VOTES_TEACHERS, Teacher


def labels_given_votes(dataset: FaceDataset) -> np.ndarray:
    """The probability of every label of each image, given its votes: float32 ``[N, C]``, in the data set's order.

    Ten people voted anew on every image (Barsoum et al. 2016). The emotion with the most votes is another than
    FER-2013's label on a third of the images, so a logistic regression, from votes to labels over the train split,
    translates them. It learns these labels' habits, errors included. A train image without votes, such as one that
    joined later, keeps its label; any other has every label by its share of train.

    Raises:
        UserError: where no train image has votes.
    """
    train, votes = dataset.rows("train"), _votes(dataset)
    voted = ~np.isnan(votes).any(axis=1) if votes.size else np.zeros(len(votes), bool)
    learned = train[voted[train]]
    if not len(learned):
        raise UserError(
            "the data set has no FER+ votes, which are of FER-2013 alone; set data.source: csv and "
            "data.votes: <fer2013new.csv>, and run dvc repro ingest"
        )
    translation = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    translation.fit(_features(votes[learned]), dataset.labels[learned])
    one_hot = np.eye(len(dataset.classes), dtype=np.float32)[dataset.labels]
    probabilities = np.tile(one_hot[train].mean(axis=0), (len(votes), 1))
    probabilities[train] = one_hot[train]
    probabilities[voted] = 0
    probabilities[np.ix_(voted, translation.classes_)] = translation.predict_proba(_features(votes[voted]))
    return probabilities


def confused_labels(dataset: FaceDataset) -> np.ndarray:
    """What every class is taken for where it is taken for another: float32 ``[C, C]``, rows that sum to 1.

    Of ``labels_given_votes``, the labels that images with such votes have, the mean over the train images of each
    class, without its own. A class that is taken for none, or has no train image, is itself.

    Raises:
        UserError: where no train image has votes.
    """
    train = dataset.rows("train")
    own = np.eye(len(dataset.classes), dtype=np.float32)
    taken_for = own[dataset.labels[train]].T @ labels_given_votes(dataset)[train]
    np.fill_diagonal(taken_for, 0)
    total = taken_for.sum(axis=1, keepdims=True)
    return np.divide(taken_for, total, out=own, where=total > 0)


def votes_as_teacher(dataset: FaceDataset, share: float, by: str = "image") -> Teacher:
    """What a training by votes depends on: the votes and labels, as the fit's last bits differ between processors.

    Args:
        dataset: with votes.
        share: of an image's target.
        by: a key of ``VOTES_TEACHERS``.
    """
    train = dataset.rows("train")
    content = _votes(dataset)[train].tobytes() + dataset.labels[train].tobytes()
    return Teacher(share, VOTES_TEACHERS[by], hashlib.sha256(content).hexdigest())


def _votes(dataset: FaceDataset) -> np.ndarray:
    """float64 ``[N, V]``, NaN where nobody voted."""
    return ferplus_votes(dataset.table).to_numpy(np.float64)


def _features(votes: np.ndarray) -> np.ndarray:
    """The shares of the votes and their logarithms, which half a vote more for each keeps finite."""
    shares = (votes + 0.5) / (votes + 0.5).sum(axis=1, keepdims=True)
    return np.hstack([shares, np.log(shares)])
