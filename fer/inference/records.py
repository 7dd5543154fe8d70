"""What is kept of a face that was read, for those who look for drift; never a pixel.

The service writes it, and so does promotion of its reference: what is compared was measured in one way.
"""

from typing import Any

from fer.inference.faces import Face


def record_of(face: Face, endpoint: str, model: str) -> dict[str, Any]:
    """A record of a face, ready for JSON; what the detector or the model did not say is None.

    Args:
        face: that was read.
        endpoint: what read it.
        model: the version of the model.
    """
    measured = face.properties
    values = (measured.brightness, measured.contrast, measured.sharpness, measured.likeness) if measured else [None] * 4
    light = dict(zip(("brightness", "contrast", "sharpness", "likeness"), values, strict=True))
    return {
        "endpoint": endpoint,
        "model": model,
        "width": face.box[2],
        "height": face.box[3],
        "score": _short(face.score),
        **{name: _short(value) for name, value in light.items()},
        "emotion": face.emotion,
        "certain": face.certain,
        "doubts": [str(doubt) for doubt in face.doubts],
        "probabilities": [_short(value) for value in face.probabilities.values()],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
