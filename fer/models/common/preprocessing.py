"""From a grey uint8 face to what a backbone was trained on, as layers inside the network's graph."""

from dataclasses import dataclass

import keras
from keras import layers


@dataclass(frozen=True)
class Preprocessing:
    """``pixel * scale + offset`` per channel, for pixels in 0 to 255 and the channel order of the weights."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]


def _standardize(mean: tuple[float, ...], deviation: tuple[float, ...]) -> Preprocessing:
    scale = tuple(1 / (255 * d) for d in deviation)
    offset = tuple(-m / d for m, d in zip(mean, deviation, strict=True))
    return Preprocessing(scale, offset)


#: A grey face has equal channels, so RGB or BGR only decides the order of the means.
PREPROCESSINGS = {
    "grey": Preprocessing((1 / 255,), (0.0,)),
    "unit": Preprocessing((1 / 255,) * 3, (0.0,) * 3),
    "tf": Preprocessing((1 / 127.5,) * 3, (-1.0,) * 3),
    "caffe": Preprocessing((1.0,) * 3, (-103.939, -116.779, -123.68)),
    "torch": _standardize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "vggface": Preprocessing((1.0,) * 3, (-93.5940, -104.7624, -129.1863)),
}


#: The layer whose output an architecture sees.
PREPARED = "normalise"


def preprocess(faces: keras.KerasTensor, input_size: int, preprocessing: str) -> keras.KerasTensor:
    """Faces ``[N, S, S]`` uint8 to float32 ``[N, input_size, input_size, C]`` in the preprocessing's range.

    C is 1 for ``grey`` and 3 for the others. Larger input sizes are reached by bilinear interpolation. The layers
    compute in float32 whatever the policy, since bfloat16 cannot tell neighbouring grey levels of an interpolated image
    apart.
    """
    chosen = PREPROCESSINGS[preprocessing]
    x = keras.ops.cast(faces, "float32")
    side = faces.shape[1]
    x = layers.Reshape((side, side, 1), dtype="float32", name="channel")(x)
    if input_size != side:
        x = layers.Resizing(input_size, input_size, dtype="float32", name="resize")(x)
    if len(chosen.scale) > 1:
        x = layers.Concatenate(dtype="float32", name="colour")([x] * len(chosen.scale))
    return layers.Rescaling(list(chosen.scale), list(chosen.offset), dtype="float32", name=PREPARED)(x)
