"""A whole classifier: uint8 faces in, probabilities out."""

import keras
from keras import layers

from fer.errors import UserError
from fer.inference.face_size import FACE_SIZE
from fer.models.common.preprocessing import preprocess
from fer.models.common.registry import Architecture

#: The layer that holds the architecture itself, between preprocessing and softmax.
NETWORK = "network"


def build_classifier(
    architecture: Architecture,
    classes: int,
    input_size: int,
    preprocessing: str,
    precision: str = "float32",
    temperature: float = 1.0,
    face_size: int = FACE_SIZE,
) -> keras.Model:
    """The network from grey faces uint8 ``[N, face_size, face_size]`` to probabilities float32 ``[N, classes]``.

    Resizing, colour and normalisation are layers of the graph, so that no client can get them wrong.

    Args:
        architecture: the registered architecture.
        classes: number of classes.
        input_size: side of the square that the architecture sees, in pixels.
        preprocessing: a key of ``PREPROCESSINGS``.
        precision: Keras dtype policy of the architecture's layers; input and output stay float32.
        temperature: the logits are divided by it (Guo et al. 2017).
        face_size: side of the data set's faces, in pixels.

    Raises:
        UserError: for an input size that the architecture cannot take.
    """
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        network = architecture.build(classes, input_size)
    except ValueError as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{architecture.name}: input_size {input_size} does not fit ({reason}); change it in params.yaml"
        ) from error
    finally:
        keras.config.set_dtype_policy(former)
    network.name = NETWORK
    faces = keras.Input((face_size, face_size), dtype="uint8", name="faces")
    logits = network(preprocess(faces, input_size, preprocessing))
    scaled = layers.Rescaling(1 / temperature, dtype="float32", name="temperature")(logits)
    probabilities = layers.Softmax(dtype="float32", name="probabilities")(scaled)
    return keras.Model(faces, probabilities, name=architecture.name)
