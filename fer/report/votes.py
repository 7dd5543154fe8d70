"""What FER+'s votes know of the labels: alone, and beside a model."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer.data.dataset import FaceDataset
from fer.evaluation.intervals import bootstrap_intervals
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.scores import accuracy_of, confusion
from fer.evaluation.votes import labels_given_votes
from fer.report.tables import estimate
from fer.sections import Compare

#: Added to every probability, whose logarithm is taken.
_LEAST = 1e-5


def votes_table(folder: ModelFolder, dataset: FaceDataset, settings: Compare) -> pd.DataFrame:
    """Test accuracy of the votes, of a model from ten views, and of both together: a row each.

    Args:
        folder: the model.
        dataset: whose images have votes.
        settings: of the bootstrap.
    """
    known, fitted_on = folder.scored(Split.VALIDATION_TEN_VIEWS)
    labels, model = folder.scored(Split.TEST_TEN_VIEWS)
    votes = labels_given_votes(dataset, "test")
    both = joined(known, (fitted_on, labels_given_votes(dataset, "validation")), (model, votes))
    table = folder.predictions
    alone = ~table.loc[table["split"] == "test", "train_copy"].to_numpy(bool)
    rows = []
    for name, predicted in (("FER+'s ten votes", votes), (folder.run.title, model), ("both", both)):
        row = {"predictions from": name, "test accuracy": _accuracy(labels, predicted, settings)}
        rows.append(row | {"without copied images": _accuracy(labels[alone], predicted[alone], settings)})
    return pd.DataFrame(rows)


def joined(labels: np.ndarray, known: tuple[np.ndarray, ...], asked: tuple[np.ndarray, ...]) -> np.ndarray:
    """Probabilities float32 ``[M, C]`` from several opinions, joined by a logistic regression.

    Args:
        labels: int64 ``[N]``, each of ``C`` classes at least once.
        known: opinions on these images, each probabilities float32 ``[N, C]``.
        asked: the same opinions on the images in question, each float32 ``[M, C]``.
    """
    # The penalty is ten times scikit-learn's: there are few validation images for so many weights.
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    regression.fit(_logarithms(known), labels)
    return regression.predict_proba(_logarithms(asked)).astype(np.float32)


def _logarithms(opinions: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.log(np.hstack(opinions) + _LEAST)


def _accuracy(labels: np.ndarray, probabilities: np.ndarray, settings: Compare) -> str:
    matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    ends = bootstrap_intervals(matrix, settings.bootstrap, settings.seed)["accuracy"]
    return estimate((accuracy_of(matrix), *ends))
