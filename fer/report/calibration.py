"""The table of calibration errors, and two figures to hold them against."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import softmax

from fer.evaluation.calibration import calibration_error, log_loss, logits_of
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import Split
from fer.report.tables import number, share

#: Predictions whose probability lies here are set beside how many of them are correct.
LOW, HIGH = 0.75, 0.85
#: Of the temperature by entropy: its offset, as that of one temperature, and its slope.
BOUNDS = ((-np.log(10), np.log(10)), (-1.0, 1.0))
#: Draws of labels behind an error by chance.
DRAWS = 1000


def calibration_table(folders: list[ModelFolder]) -> pd.DataFrame:
    """A row a model: its temperature, its calibration errors on test, its predictions of some 80 % from one view.

    From one view beside it: what chance alone gives, and what a temperature by entropy would give.
    """
    lines = []
    for folder in folders:
        labels, probabilities = folder.scored(Split.TEST)
        confidence = probabilities.max(axis=1)
        near = (confidence >= LOW) & (confidence < HIGH)
        lines.append(
            {
                "architecture": folder.run.title,
                "temperature": number(folder.run.temperature, ".2f"),
                "calibration error, one view": number(folder.metrics[f"{Split.TEST}.ece"]),
                "by chance, mean and 97.5 %": " and ".join(map(number, error_by_chance(probabilities))),
                "temperature by entropy": number(calibration_error(labels, by_entropy(folder))),
                "ten views": number(folder.metrics[f"{Split.TEST_TEN_VIEWS}.ece"]),
                f"predictions of {100 * LOW:.0f} to {100 * HIGH:.0f} %": str(near.sum()),
                "mean probability": share(confidence[near]),
                "correct": share((probabilities.argmax(axis=1) == labels)[near]),
            }
        )
    return pd.DataFrame(lines)


def error_by_chance(probabilities: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The calibration error of labels that are drawn from the probabilities, what is left of perfect ones.

    Args:
        probabilities: float ``[N, C]``.
        seed: of the draws.

    Returns:
        Its mean over the draws, and its 97.5th percentile.
    """
    rng, ends = np.random.default_rng(seed), probabilities.cumsum(axis=1)[:, :-1]
    drawn = ((rng.random((len(ends), 1)) > ends).sum(axis=1) for _ in range(DRAWS))
    errors = [calibration_error(labels, probabilities) for labels in drawn]
    return float(np.mean(errors)), float(np.percentile(errors, 97.5))


def by_entropy(folder: ModelFolder) -> np.ndarray:
    """The test probabilities float64 ``[N, C]`` from one view, with a temperature that goes by their entropy.

    The logarithm of the temperature is linear in that of the entropy (Balanya et al. 2022, arXiv:2208.00461); both
    coefficients are fitted on validation, within bounds that few images of few errors need. No prediction changes.
    """
    labels, held_out = folder.scored(Split.VALIDATION)
    found = minimize(
        lambda line: log_loss(labels, tempered(held_out, *line)), np.zeros(2), method="Nelder-Mead", bounds=BOUNDS
    )
    return tempered(folder.scored(Split.TEST)[1], *found.x)


def tempered(probabilities: np.ndarray, offset: float, slope: float) -> np.ndarray:
    """Probabilities ``[N, C]`` at a temperature ``exp(offset) * entropy ** slope``, entropy in units of log C."""
    logits = logits_of(probabilities.astype(np.float64))
    entropy = -(np.exp(logits) * logits).sum(axis=1, keepdims=True) / np.log(probabilities.shape[1])
    # One that is certain to the last digit has none, and no logarithm of it.
    temperature = np.exp(offset) * np.maximum(entropy, 1e-6) ** slope
    return softmax(logits / temperature, axis=1)
