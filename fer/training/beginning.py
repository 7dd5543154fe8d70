"""What a training begins from: the untrained network, its pretrained file, and the checks before the first epoch."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from fer.errors import UserError
from fer.models.common.network import NETWORK, build_classifier
from fer.models.common.normalization import match_statistics
from fer.models.common.preprocessing import PREPARED
from fer.models.common.registry import BACKBONE, Architecture
from fer.models.common.weights import PretrainedFile, find_weights, load_backbone

#: Faces that pretrained batch normalisation is matched to.
MEASURED = 1024


class Described(Protocol):
    """What is trained: a ``fer.job.Job``, or its like on a machine without pydantic, ``fer.portable``'s."""

    @property
    def architecture(self) -> str:
        """A file of ``fer/models``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Emotion names in code order."""

    @property
    def recipe(self) -> Any:
        """Settings by the names of ``fer.recipe.Recipe``."""

    @property
    def seed(self) -> int:
        """Of every random choice."""


def make_deterministic() -> None:
    """Have TensorFlow and torch use deterministic kernels; JAX reads XLA_FLAGS when it is imported."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.use_deterministic_algorithms(True)


def check(job: Described, labels: np.ndarray) -> None:
    """That every class is there to be learned, and that a batch can be filled.

    Raises:
        UserError: where it is not.
    """
    missing = [name for code, name in enumerate(job.classes) if code not in labels]
    if missing:
        raise UserError(
            f"{job.architecture}: the train split has no image of {', '.join(missing)}; "
            "add some, or leave the class out in data.classes of params.yaml"
        )
    if job.recipe.batch_size > len(labels):
        raise UserError(
            f"{job.architecture}: batch_size {job.recipe.batch_size} is larger than the train split of {len(labels)} "
            "images; lower it in params.yaml"
        )


def find_pretrained(
    job: Described, architecture: Architecture, weights_folder: Path | None, on_warning: Callable[[str], None]
) -> tuple[PretrainedFile, Path] | tuple[None, None]:
    """The pretrained file that the recipe asks for and where it is, or Nones for random weights.

    Raises:
        UserError: where the recipe requires one and none is found.
    """
    if job.recipe.pretrained == "none" or not architecture.pretrained:
        return None, None
    try:
        found, path = find_weights(architecture.pretrained, weights_folder)
    except UserError as error:
        if job.recipe.pretrained == "required":
            raise
        on_warning(f"{job.architecture}: training from random weights ({error})")
        return None, None
    wanted = architecture.pretrained[0]
    if found.label != wanted.label:
        on_warning(f"{job.architecture}: training from {found.label} weights ({wanted.name} is not at hand)")
    return found, path


def load_pretrained(model: keras.Model, source: PretrainedFile, path: Path, faces: np.ndarray, seed: int) -> None:
    """The pretrained weights, with the statistics of the faces that they go on to be trained on."""
    backbone = model.get_layer(NETWORK).get_layer(BACKBONE)
    load_backbone(backbone, source, path)
    some = np.random.default_rng(seed).permutation(len(faces))[:MEASURED]
    prepared = keras.Model(model.input, model.get_layer(PREPARED).output)
    match_statistics(backbone, prepared.predict(faces[some], verbose=0))


def load_start(model: keras.Model, path: Path) -> None:
    """A trained model's weights, as ``fer.training.save`` wrote them; the seeds of dropout stay the model's own.

    Raises:
        UserError: where they are missing, damaged or another network's.
    """
    seeds = [variable for variable in model.variables if all(variable is not weight for weight in model.weights)]
    values = [keras.ops.convert_to_numpy(variable) for variable in seeds]
    try:
        # Before it raises, Keras warns of every container that the file lacks.
        with warnings.catch_warnings(action="ignore"):
            model.load_weights(path)
    except (ValueError, KeyError, OSError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{path}: not weights of this network ({reason}); its input_size must be the same as when they were trained"
        ) from error
    for variable, value in zip(seeds, values, strict=True):
        variable.assign(value)


def build(
    job: Described,
    architecture: Architecture,
    source: PretrainedFile | None,
    precision: str,
    face_size: int,
    temperature: float = 1.0,
) -> keras.Model:
    """The untrained classifier, with the preprocessing of the weights that it begins from; the seed's weights."""
    keras.utils.set_random_seed(job.seed)
    preprocessing = preprocessing_of(architecture, source)
    size = job.recipe.input_size
    return build_classifier(architecture, len(job.classes), size, preprocessing, precision, temperature, face_size)


def preprocessing_of(architecture: Architecture, source: PretrainedFile | None) -> str:
    """The key of ``PREPROCESSINGS`` for the weights that a network begins from."""
    return source.preprocessing if source else architecture.preprocessing
