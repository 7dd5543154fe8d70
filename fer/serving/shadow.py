"""Shadow mode: a challenger reads what the champion reads, and its answers are recorded, not given."""

import json
import logging
import os
import queue
import threading
from datetime import datetime
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path

import numpy as np

from fer.inference.classifier import Classifier
from fer.serving.about import version_of
from fer.serving.follow import Follower, state_of

logger = logging.getLogger("fer.serving")

#: The folder of its records.
FOLDER = Path("fer-shadow", "data")
#: Batches that wait for the challenger; of more, the faces are not recorded.
MOST_WAITING = 32


class Shadow:
    """A challenger beside the service, in a thread of its own.

    Args:
        folder: of the challenger; another one that is put there is taken up.
        kept: folder of all records; these stand in ``fer-shadow/data``.
    """

    def __init__(self, folder: Path, kept: Path) -> None:
        self._records = _records_in(kept / FOLDER)
        self._waiting: queue.Queue[tuple[Classifier, np.ndarray, np.ndarray] | None] = queue.Queue(MOST_WAITING)
        seen = state_of(folder)
        self._challenger = _open(folder)
        self._follower = Follower(folder, seen, _open, self._take)
        threading.Thread(target=self._read, name="shadow", daemon=True).start()

    def beside(self, champion: Classifier) -> Classifier:
        """The champion, whose every batch the challenger reads too."""
        return _Shadowed(champion, self)

    def offer(self, champion: Classifier, faces: np.ndarray, probabilities: np.ndarray) -> None:
        """Let the challenger read faces when it has time; nobody waits for it."""
        try:
            self._waiting.put_nowait((champion, faces, probabilities))
        except queue.Full:
            return

    def close(self) -> None:
        """Read no more."""
        self._follower.close()
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put(None)

    def _take(self, challenger: Classifier) -> str:
        self._challenger = challenger
        return f"{challenger.card.architecture}, in shadow"

    def _read(self) -> None:
        while (given := self._waiting.get()) is not None:
            champion, faces, probabilities = given
            try:
                self._record(champion, probabilities, self._challenger, self._challenger.predict(faces))
            except Exception:  # the service answers on, whatever becomes of its shadow
                logger.exception("the challenger's answers are not recorded")

    def _record(self, champion: Classifier, given: np.ndarray, challenger: Classifier, shadow: np.ndarray) -> None:
        """A record for each face: both models and what they say of it; never a pixel."""
        names = version_of(champion.card)["version"], version_of(challenger.card)["version"]
        for ours, theirs in zip(given, shadow, strict=True):
            record = {
                "champion": names[0],
                "challenger": names[1],
                "emotion": champion.classes[int(ours.argmax())],
                "challenger_emotion": challenger.classes[int(theirs.argmax())],
                "probabilities": ours.tolist(),
                "challenger_probabilities": theirs.tolist(),
                "timestamp": datetime.now().isoformat(),
            }
            self._records.info(json.dumps(record))


def _records_in(folder: Path) -> logging.Logger:
    """A file of JSON lines for this process, a new one every day.

    Not by BentoML's monitor: two of them in one process write to the files of the second.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = logging.getLogger("fer.shadow")
    records.propagate = False
    records.setLevel(logging.INFO)
    records.addHandler(TimedRotatingFileHandler(folder / f"data.{os.getpid()}.log", when="D"))
    return records


def _open(folder: Path) -> Classifier:
    """One thread: the champion comes first."""
    return Classifier(folder, threads=1)


class _Shadowed(Classifier):
    """A classifier that shows a shadow what it reads."""

    def __init__(self, classifier: Classifier, shadow: Shadow) -> None:
        self.card = classifier.card
        self._classifier = classifier
        self._shadow = shadow

    def predict(self, faces: np.ndarray) -> np.ndarray:
        """As ``Classifier.predict``."""
        probabilities = self._classifier.predict(faces)
        if len(faces):
            self._shadow.offer(self._classifier, faces, probabilities)
        return probabilities
