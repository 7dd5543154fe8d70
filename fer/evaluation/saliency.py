"""Which pixels move a prediction: every part of a face covered in turn (Zeiler and Fergus 2014)."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer.evaluation.model_folder import ModelFolder
from fer.inference.runtime import onnx_predict

#: Side of the square that covers a part, and the pixels by which it moves.
PATCH, STRIDE = 8, 2


def occlusion_maps(model: Path, faces: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How much the log-odds of a class fall where a square of the face is covered with its mean grey.

    Log-odds, since a probability near 1 hardly moves whatever is covered.

    Args:
        model: an ONNX file, input ``faces`` uint8 ``[N, 48, 48]``.
        faces: uint8 ``[N, H, W]``.
        codes: int ``[N]``, the class in question of each face.

    Returns:
        float32 ``[N, H, W]``: the mean fall over all squares that cover the pixel, in natural units; below 0 where the
        class becomes more probable without it.
    """
    height, width = faces.shape[1:]
    whole = _log_odds(onnx_predict(model, faces), codes)
    means = np.rint(faces.mean(axis=(1, 2))).astype(np.uint8)
    falls, covers = np.zeros(faces.shape, np.float32), np.zeros((height, width), np.float32)
    lefts = range(0, width - PATCH + 1, STRIDE)
    for top in range(0, height - PATCH + 1, STRIDE):
        parts = [np.s_[top : top + PATCH, left : left + PATCH] for left in lefts]
        covered = np.repeat(faces[None], len(parts), axis=0)
        for number, part in enumerate(parts):
            covered[number, :, *part] = means[:, None, None]
        predictions = onnx_predict(model, covered.reshape(-1, height, width)).reshape(len(parts), len(faces), -1)
        for part, probabilities in zip(parts, predictions, strict=True):
            falls[:, *part] += (whole - _log_odds(probabilities, codes))[:, None, None]
            covers[part] += 1
    return falls / covers


def _log_odds(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """float64 ``[N]``: of class ``codes`` in ``probabilities [N, C]``, against all other classes together."""
    least = np.finfo(np.float32).tiny
    chosen = np.arange(probabilities.shape[1]) == codes[:, None]
    own, others = (np.maximum(probabilities.sum(axis=1, where=part, dtype=float), least) for part in (chosen, ~chosen))
    return np.log(own) - np.log(others)


def correct_predictions(folder: ModelFolder, count: int) -> pd.DataFrame:
    """Columns ``row`` and ``emotion``: the first ``count`` test images of every class that are predicted correctly."""
    table = folder.predictions.query("split == 'test' and emotion == predicted")
    first = table.groupby("emotion", sort=False).head(count)
    order = first["emotion"].map({name: code for code, name in enumerate(folder.classes)})
    return first.assign(order=order).sort_values(["order", "row"])[["row", "emotion"]].reset_index(drop=True)
