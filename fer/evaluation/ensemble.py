"""Several models' predictions averaged, with members and weights chosen on the validation split."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from fer.errors import UserError
from fer.evaluation.calibration import best_temperature, log_loss, logits_of
from fer.evaluation.comparison import intervals
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split, probability_columns, scored_rows, split_metrics, with_predictions
from fer.inference.runtime import onnx_predict
from fer.sections import Compare

#: Picks of the greedy selection: weights are multiples of one over their number.
PICKS = 20


@dataclass(frozen=True)
class Ensemble:
    """A weighted mean of models.

    Attributes:
        weights: share of each member by its folder's name, summing to 1; models that were not chosen are left out.
        temperatures: what the mean's log-probabilities are divided by, for one view and for ten, fitted on validation.
        predictions: columns as of a model's own, a row per validation and test image.
        metrics: flat names, ``<split>.<metric>``.
    """

    weights: dict[str, float]
    temperatures: dict[str, float]
    predictions: pd.DataFrame
    metrics: dict[str, float]


def build_ensemble(folders: list[ModelFolder]) -> Ensemble:
    """Choose members and weights by validation log-loss of their ten-view predictions, and measure their mean.

    Args:
        folders: trained on the same data and classes.

    Raises:
        UserError: where the models' predictions are not of the same images and classes.
    """
    first = folders[0]
    for folder in folders[1:]:
        if folder.classes != first.classes or not folder.predictions["row"].equals(first.predictions["row"]):
            raise UserError(f"{folder.path}: predictions of other images or classes than {first.path}; run dvc repro")
    labels = first.scored(Split.VALIDATION_TEN_VIEWS)[0]
    probabilities = [folder.scored(Split.VALIDATION_TEN_VIEWS)[1] for folder in folders]
    shares = select(labels, probabilities)
    names = [folder.path.name for folder in folders]
    predictions, temperatures = _averaged(folders, shares)
    metrics = split_metrics(predictions, first.classes)
    weights = {name: float(share) for name, share in zip(names, shares, strict=True) if share > 0}
    return Ensemble(weights, temperatures, predictions, metrics)


def metrics_with_intervals(chosen: Ensemble, classes: tuple[str, ...], settings: Compare) -> dict[str, float]:
    """The ensemble's metrics, accuracy and macro-F1 with the ends of their intervals, see ``comparison.intervals``."""
    return chosen.metrics | intervals(chosen.predictions, classes, settings)


def ensemble_predict(chosen: Ensemble, folders: list[ModelFolder], faces: np.ndarray) -> np.ndarray:
    """The ensemble's probabilities float32 ``[N, C]`` from one view of each of the faces uint8 ``[N, 48, 48]``.

    Args:
        chosen: of ``build_ensemble``.
        folders: the members, among others.
        faces: any, the images that the members were trained on included.
    """
    members = {folder.path.name: folder.onnx for folder in folders}
    weighted = [share * onnx_predict(members[name], faces) for name, share in chosen.weights.items()]
    return _calibrated(np.sum(weighted, axis=0), chosen.temperatures[Split.VALIDATION])


def select(labels: np.ndarray, candidates: list[np.ndarray], picks: int = PICKS) -> np.ndarray:
    """Greedy selection with replacement (Caruana et al. 2004): pick again and again what lowers the log-loss most.

    Args:
        labels: int ``[N]``.
        candidates: the probabilities ``[N, C]`` of each.
        picks: how many are made; the best mean on the way is the one kept.

    Returns:
        float64 ``[M]``: every candidate's share, summing to 1.
    """
    counts, total = np.zeros(len(candidates)), np.zeros_like(candidates[0], np.float64)
    best_loss, best = np.inf, counts
    for pick in range(1, picks + 1):
        losses = [log_loss(labels, (total + probabilities) / pick) for probabilities in candidates]
        chosen = int(np.argmin(losses))
        counts, total = counts + np.eye(len(candidates))[chosen], total + candidates[chosen]
        if losses[chosen] < best_loss:
            best_loss, best = losses[chosen], counts
    return best / best.sum()


def _averaged(folders: list[ModelFolder], shares: np.ndarray) -> tuple[pd.DataFrame, dict[str, float]]:
    """The members' predictions averaged, for one view and for ten, each calibrated by its own temperature."""
    classes = folders[0].classes
    means = []
    for views in (1, 10):
        names = probability_columns(classes, views)
        probabilities = np.stack([folder.predictions[names].to_numpy(float) for folder in folders])
        means.append(np.tensordot(shares, probabilities, axes=1))
    table = with_predictions(folders[0].predictions, classes, *means)
    splits = (Split.VALIDATION, Split.VALIDATION_TEN_VIEWS)
    temperatures: dict[str, float] = {split: best_temperature(*scored_rows(table, classes, split)) for split in splits}
    calibrated = [_calibrated(mean, temperatures[split]) for mean, split in zip(means, splits, strict=True)]
    return with_predictions(table, classes, *calibrated), temperatures


def _calibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities float32 ``[N, C]`` with their logarithms divided by a temperature."""
    return softmax(logits_of(probabilities) / temperature, axis=1).astype(np.float32)
