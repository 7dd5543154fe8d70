"""What FER+'s votes know of the labels: alone, and beside a model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer.data.dataset import FaceDataset
from fer.evaluation.intervals import bootstrap_difference
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.evaluation.slices import accuracy_with_interval
from fer.evaluation.votes import labels_given_votes
from fer.report.tables import estimate
from fer.sections import Compare

#: Added to every probability, whose logarithm is taken.
_LEAST = 1e-5


@dataclass(frozen=True)
class VotesFound:
    """What votes add to a model on the test split.

    Attributes:
        table: accuracy of the votes, of the model from ten views, and of the regression on the model alone and on both.
        mistakes: of the model, as it is.
        mended: those of them that the regression on both gets right.
        new: what it gets wrong and the model right.
        gain: accuracy of the regression on both above that on the model alone, with its 95 % interval, -1 to 1.
    """

    table: pd.DataFrame
    mistakes: int
    mended: int
    new: int
    gain: tuple[float, float, float]


def find_votes(folder: ModelFolder, dataset: FaceDataset, settings: Compare) -> VotesFound:
    """What FER+'s votes add to a model.

    Args:
        folder: the model.
        dataset: whose images have votes.
        settings: of the bootstrap.
    """
    known, fitted_on = folder.scored(Split.VALIDATION_TEN_VIEWS)
    labels, model = folder.scored(Split.TEST_TEN_VIEWS)
    translated = labels_given_votes(dataset)
    voted, votes = (translated[dataset.rows(split)] for split in ("validation", "test"))
    alone, both = joined(known, (fitted_on,), (model,)), joined(known, (fitted_on, voted), (model, votes))
    title, table = folder.run.title, folder.predictions
    rows = {
        "FER+'s ten votes": votes,
        title: model,
        f"{title}, by the second regression": alone,
        f"{title} and the votes, by the second regression": both,
    }
    unique = ~table.loc[table["split"] == "test", "train_copy"].to_numpy(bool)
    parts = {"test accuracy": np.ones_like(unique), "without copied images": unique}
    right, then = (predicted.argmax(axis=1) == labels for predicted in (model, both))
    return VotesFound(
        pd.DataFrame(
            {"predictions from": name}
            | {
                column: estimate(accuracy_with_interval(labels[part], predicted[part], settings))
                for column, part in parts.items()
            }
            for name, predicted in rows.items()
        ),
        mistakes=int((~right).sum()),
        mended=int((~right & then).sum()),
        new=int((right & ~then).sum()),
        gain=bootstrap_difference(then, alone.argmax(axis=1) == labels, settings.bootstrap, settings.seed),
    )


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
