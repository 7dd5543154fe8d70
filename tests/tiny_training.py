"""A training of seconds: a tiny network with all that makes resuming hard, and few faces.

As a program, ``python tiny_training.py FOLDER WHEN PRECISION`` trains to the end and writes its outputs, or dies by
SIGKILL at WHEN; started again it goes on at its checkpoint.
"""

import os
import signal
import sys
from functools import cache
from pathlib import Path

import keras
import numpy as np
from face_datasets import small_dataset, with_values
from keras import layers

from fer.data.dataset import FaceDataset
from fer.job import Job
from fer.models.common.network import NETWORK, build_classifier
from fer.models.common.registry import BACKBONE, get_architecture, register
from fer.models.common.transfer import with_head
from fer.models.common.weights import PretrainedFile
from fer.recipe import Recipe
from fer.training.checkpoint import Checkpoint
from fer.training.fit import fit
from fer.training.save import write_outputs
from fer.training.state import Saved

NAME = "tiny"
CLASSES = ("angry", "happy", "sad")
FILE = PretrainedFile("tiny_faces.weights.h5", "faces", "tf")
HEAD_EPOCHS, EPOCHS = 2, 3

RECIPE = Recipe.model_validate(
    {
        "pretrained": "auto",
        "epochs": EPOCHS,
        "head_epochs": HEAD_EPOCHS,
        "head_learning_rate": 0.01,
        "batch_size": 10,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "schedule": "cosine",
        "warmup_epochs": 1,
        "weight_decay": 0.01,
        "ema_decay": 0.8,
        "label_smoothing": 0.05,
        "mixup": {"alpha": 0.3, "until": 0.7},
        "class_balance": "weights",
        "precision": "float32",
        "input_size": 32,
        "augmentation": {
            "flip": 0.5, "shift": 0.05, "rotate": 5, "scale": 0.05, "brightness": 0.1, "contrast": 0.1,
            "erase": 0.3,
        },
    }
)  # fmt: skip


def build(classes: int, input_size: int) -> keras.Model:
    """A backbone with batch normalisation and dropout, so that statistics and seeds must survive a resume."""
    inputs = keras.Input((input_size, input_size, 3))
    x = layers.Conv2D(4, 5, strides=4, activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.2)(x)
    return with_head(keras.Model(inputs, layers.Conv2D(6, 3, activation="relu")(x)), classes)


def register_tiny() -> None:
    """Make the network known to this process."""
    register(NAME, "Tiny", preprocessing="unit", pretrained=(FILE,))(build)


@cache
def dataset() -> FaceDataset:
    """24 faces to train on, 12 to validate and 12 to test, of which two have copies in train.

    Every class has a beard of its own brightness, so that there is something to learn.
    """
    faces = small_dataset(8, 4, CLASSES)
    for code, image in zip(faces.labels, faces.images, strict=True):
        image[30:] = image[30:] // 2 + 60 * code
    return with_values(faces, "train_copy", dict.fromkeys(faces.rows("test")[[1, 7]], True))


def make_job(seed: int = 3, **changes: object) -> Job:
    """The tiny training with some settings of its recipe changed."""
    return Job(NAME, CLASSES, dataset().fingerprint, RECIPE.model_copy(update=changes), seed)


def write_pretrained(folder: Path) -> Path:
    """Weights of the backbone as somebody else trained them."""
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(99)
    model = build_classifier(get_architecture(NAME), len(CLASSES), RECIPE.input_size, FILE.preprocessing)
    model.get_layer(NETWORK).get_layer(BACKBONE).save_weights(folder / FILE.name)
    return folder


class DyingCheckpoint(Checkpoint):
    """Kills the process in the middle of writing an epoch's checkpoint."""

    def __init__(self, folder: Path, epoch: int):
        super().__init__(folder)
        self.epoch = epoch

    def save(self, saved: Saved) -> None:
        if saved.progress.epochs == self.epoch:
            write_arrays, written = np.savez, []

            def savez(path: Path, *arrays: np.ndarray) -> None:
                if written:
                    path.write_bytes(b"PK half a file")
                    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel kills what has too much memory
                written.append(path)
                write_arrays(path, *arrays)

            np.savez = savez
        super().save(saved)


def main(folder: Path, when: str, precision: str) -> None:
    """Train; WHEN is ``save:N`` (while that epoch's checkpoint is written) or ``never``."""
    moment, _, number = when.partition(":")
    register_tiny()
    checkpoint = Checkpoint(folder / "checkpoint")
    if moment == "save":
        checkpoint = DyingCheckpoint(folder / "checkpoint", int(number))
    job = make_job(precision=precision)
    trained = fit(dataset(), job, folder / "weights", checkpoint)
    write_outputs(folder / "model", dataset(), job, trained)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
