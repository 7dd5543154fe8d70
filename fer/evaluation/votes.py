"""FER+'s votes as a teacher: what the label of an image is, given what ten people said of it."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.slices import ferplus_votes

#: What tables call this teacher.
VOTES = "FER+ votes"


def labels_given_votes(dataset: FaceDataset) -> np.ndarray:
    """How probable every label is of a train image, given its votes: float32 ``[N, C]``.

    FER+ named the images anew (Barsoum et al. 2016), and its majority is FER-2013's label of two in three. So the
    votes are translated, by a logistic regression from an image's votes to its label over the train split: what people
    see in a face, in the words of these labels.

    Raises:
        UserError: where the data set has no votes.
    """
    rows = dataset.rows("train")
    votes = ferplus_votes(dataset.table.loc[rows]).to_numpy(np.float64)
    if not votes.size:
        raise UserError("the data set has no FER+ votes; give fer2013new.csv as data.votes and run dvc repro ingest")
    shares = (votes + 0.5) / (votes + 0.5).sum(axis=1, keepdims=True)
    features = np.hstack([shares, np.log(shares)])
    translation = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(features, dataset.labels[rows])
    probabilities = np.zeros((len(rows), len(dataset.classes)), np.float32)
    probabilities[:, translation.classes_] = translation.predict_proba(features)
    return probabilities
