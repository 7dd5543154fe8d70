"""One epoch of a training: its batches, its validation scores, and the state that it leaves."""

from typing import TYPE_CHECKING

import keras
import numpy as np

from fer.errors import UserError
from fer.evaluation.calibration import calibrated_loss
from fer.evaluation.scores import accuracy_and_macro_f1
from fer.models.common.normalization import estimate_statistics
from fer.training.state import Arrays, Progress, model_variables, read

if TYPE_CHECKING:  # which brings OpenCV
    from fer.training.batches import Batches

PREDICT_BATCH = 256
#: A training has diverged where its loss is this many times that of guessing all classes alike, log(C).
DIVERGED = 3.0


def predict(model: keras.Model, faces: np.ndarray) -> np.ndarray:
    """Probabilities float32 ``[N, C]`` of faces uint8 ``[N, S, S]``."""
    return np.asarray(model.predict(faces, batch_size=PREDICT_BATCH, verbose=0), np.float32)


class EpochState(keras.callbacks.Callback):
    """The state at the end of an epoch, before Keras puts the moving averages in the weights' place.

    After that JAX's weights share the averages' buffers, and are gone with the next call that takes them over.
    """

    model_values: Arrays
    optimizer_values: Arrays

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep it."""
        model = self.model
        self.model_values, self.optimizer_values = read(model_variables(model)), read(model.optimizer.variables)


def fit_epoch(
    model: keras.Model,
    batches: "Batches",
    held_out: tuple[np.ndarray, np.ndarray],
    state: EpochState,
    progress: Progress,
    watchers: list[keras.callbacks.Callback],
) -> dict[str, float]:
    """Train one epoch, score the validation split by the averaged weights, and give the history's row.

    Raises:
        UserError: where the loss diverges or is no longer finite.
    """
    logs = model.fit(batches, shuffle=False, verbose=0, callbacks=[state, *watchers]).history
    if model.optimizer.use_ema:
        estimate_statistics(model, batches.faces[batches.order])
    probabilities = predict(model, held_out[0])
    means = float(logs["loss"][0]), float(logs["accuracy"][0])
    return history_row(model.name, progress, means, (held_out[1], probabilities), state.model_values)


def history_row(
    name: str,
    progress: Progress,
    means: tuple[float, float],
    held_out: tuple[np.ndarray, np.ndarray],
    values: Arrays,
) -> dict[str, float]:
    """The history's row of an epoch.

    Args:
        name: of the network.
        progress: before the epoch.
        means: its loss and accuracy in training.
        held_out: labels int64 ``[N]`` of the validation split, and probabilities float32 ``[N, C]``.
        values: the model's variables after it.

    Raises:
        UserError: where the loss diverges or is no longer finite.
    """
    epoch, (loss, accuracy), (labels, probabilities) = progress.epochs + 1, means, held_out
    # The last step's loss comes before its update, so a finite loss says nothing about the weights it leaves.
    finite = all(np.isfinite(array).all() for array in (np.asarray(loss), probabilities, *values))
    if not finite or loss > DIVERGED * np.log(probabilities.shape[1]):
        found = f"is {loss:.3g}, far above that of guessing," if finite else "is not finite"
        kept = f"; the checkpoint of epoch {progress.epochs} is kept" if progress.epochs else ""
        raise UserError(
            f"{name}: the loss {found} in epoch {epoch}; lower its learning_rate in params.yaml, "
            f"which trains it anew{kept}"
        )
    scores = accuracy_and_macro_f1(labels, probabilities)
    return {
        "epoch": epoch,
        "loss": loss,
        "accuracy": accuracy,
        "validation.loss": calibrated_loss(labels, probabilities),
        "validation.accuracy": scores[0],
        "validation.macro_f1": scores[1],
    }
