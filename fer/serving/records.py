"""What the service predicted, kept for those who look for drift; never a pixel."""

from collections.abc import Iterable

import bentoml

from fer.inference.faces import Face
from fer.serving.settings import Settings

#: The monitor's name, and so the folder's below ``settings.monitor``.
NAME = "fer"


def record(settings: Settings, endpoint: str, faces: Iterable[Face]) -> None:
    """Append a record for each face to BentoML's monitor, where the settings name a folder for it."""
    if settings.monitor is None:
        return
    for face in faces:
        with bentoml.monitor(NAME, monitor_options={"log_path": str(settings.monitor)}) as monitor:
            monitor.log(endpoint, "endpoint", "feature", "categorical")
            monitor.log(face.box[2], "width", "feature", "numerical")
            monitor.log(face.box[3], "height", "feature", "numerical")
            monitor.log(face.score, "score", "feature", "numerical")
            monitor.log(face.emotion, "emotion", "prediction", "categorical")
            monitor.log(face.certain, "certain", "prediction", "categorical")
            monitor.log([str(doubt) for doubt in face.doubts], "doubts", "prediction", "numerical_sequence")
            monitor.log(list(face.probabilities.values()), "probabilities", "prediction", "numerical_sequence")
