"""Fits a model's face check to the faces that the model was trained on."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from fer.data.dataset import FaceDataset
from fer.data.nonfaces import draw_nonfaces
from fer.inference.face_check import FaceCheck, features, resized

#: Faces at most that it is fitted to, and images that are no faces, to one of them.
MOST_FACES, NONFACES = 10_000, 1.5
#: Faces of train and of validation without which there is no check.
FEWEST_TRAIN, FEWEST_VALIDATION = 500, 100
#: Share of the validation faces that the check may take for something else.
REFUSED = 0.01
UNITS, DECAY, EPOCHS, BATCH, RATE = 16, 0.3, 12, 256, 2e-3


def fit_face_check(dataset: FaceDataset, seed: int = 0) -> FaceCheck | None:
    """A check that tells the data set's faces from what is none, and takes 1 % of its validation faces for none.

    Args:
        dataset: whose train split it learns from; its validation split sets the bound.
        seed: of the choice of faces, the images that are none, and the fit.

    Returns:
        The check, or None where the data set has too few faces for one.
    """
    rows, held_out = dataset.rows("train"), dataset.rows("validation")
    if len(rows) < FEWEST_TRAIN or len(held_out) < FEWEST_VALIDATION:
        return None
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(rows, min(MOST_FACES, len(rows)), replace=False))
    faces = resized(np.asarray(dataset.images[chosen]))
    nonfaces = draw_nonfaces(faces, round(NONFACES * len(faces)), seed)
    seen = np.concatenate([features(faces), features(nonfaces)]).astype(np.float64)
    is_face = np.arange(len(seen)) < len(faces)
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    network = MLPClassifier((UNITS,), alpha=DECAY, batch_size=BATCH, learning_rate_init=RATE, random_state=seed)
    for _ in range(EPOCHS):
        network.partial_fit((seen - mean) / spread, is_face, classes=[False, True])
    (hidden, output), (hidden_bias, output_bias) = network.coefs_, network.intercepts_
    hidden = hidden / spread[:, None]  # the features are put to scale inside the first layer
    check = FaceCheck.of(np.vstack([hidden, hidden_bias - mean @ hidden]), np.append(output, output_bias))
    bound = np.quantile(check.scores(np.asarray(dataset.images[held_out])), REFUSED)
    return FaceCheck(float(bound), check.weights)
