"""What the service predicted, kept for those who look for drift; never a pixel."""

from collections.abc import Sequence
from datetime import UTC, datetime

import bentoml

from fer.inference.faces import Face
from fer.inference.records import record_of
from fer.serving.settings import Settings

#: The monitor's name, and so the folder's below ``settings.monitor``.
NAME = "fer"
#: Whose columns are what the model said; the others are what it was shown.
PREDICTIONS = ("emotion", "certain", "doubts", "probabilities")
#: Columns by their kind; the others hold numbers.
CATEGORIES, LISTS = ("time", "endpoint", "model", "emotion", "certain"), ("doubts", "probabilities")


def record(settings: Settings, endpoint: str, model: str, faces: Sequence[Face]) -> None:
    """Append a record for each face to BentoML's monitor, where the settings name a folder for it.

    Args:
        settings: of the service.
        endpoint: what read the faces.
        model: the version of the model that read them.
        faces: that were read.
    """
    if settings.monitor is None or not faces:  # of a record without faces BentoML never ends
        return
    # With the hour of everybody: BentoML's own time is that of this machine's place.
    time = {"time": datetime.now(UTC).isoformat(timespec="milliseconds")}
    with bentoml.monitor(NAME, monitor_options={"log_path": str(settings.monitor)}) as monitor:
        for face in faces:
            for column, value in (time | record_of(face, endpoint, model)).items():
                role = "prediction" if column in PREDICTIONS else "feature"
                kind = "numerical_sequence" if column in LISTS else "numerical"
                monitor.log(value, column, role, "categorical" if column in CATEGORIES else kind)
