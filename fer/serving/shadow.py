"""Shadow mode: a challenger reads what the champion reads, and its answers are recorded, not given."""

import contextlib
import json
import logging
import os
import queue
import threading
from datetime import datetime
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path

import numpy as np

from fer.errors import UserError
from fer.inference.classifier import Classifier
from fer.serving.about import version_of
from fer.serving.follow import Follower, state_of

logger = logging.getLogger("fer.serving")

#: The folder of its records.
FOLDER = Path("fer-shadow", "data")
#: Batches that wait for the challenger; of more, the faces are not recorded.
MOST_WAITING = 64


class Shadow:
    """A challenger beside the service, in a thread of its own.

    Args:
        folder: of the challenger; one that is put there later is taken up.
        kept: folder of all records; these stand in ``fer-shadow/data``.
    """

    def __init__(self, folder: Path, kept: Path) -> None:
        self._records = _records_in(kept / FOLDER)
        self._waiting: queue.Queue[tuple[Classifier, np.ndarray, np.ndarray] | None] = queue.Queue(MOST_WAITING)
        self._ended = threading.Event()
        self._challenger: Classifier | None = None
        seen = state_of(folder)
        if seen is None:
            logger.warning("%s: no challenger yet; one that is put there is taken up", folder)
        else:
            try:
                self._challenger = _open(folder)
            except UserError as error:  # a worker that is started again serves without it
                logger.error("no challenger: %s", error)
        self._follower = Follower(folder, seen, _open, self._take)
        threading.Thread(target=self._read, name="shadow", daemon=True).start()

    def beside(self, champion: Classifier) -> Classifier:
        """The champion, whose every batch the challenger reads too."""
        return _Shadowed(champion, self)

    def offer(self, champion: Classifier, faces: np.ndarray, probabilities: np.ndarray) -> None:
        """Let the challenger read faces when it has time; nobody waits for it."""
        if self._challenger:
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait((champion, faces, probabilities))

    def close(self) -> None:
        """Read no more."""
        self._follower.close()
        self._ended.set()
        with contextlib.suppress(queue.Full):  # with a full queue there is something to wake up for
            self._waiting.put_nowait(None)

    def _take(self, challenger: Classifier) -> str:
        self._challenger = challenger
        return f"{challenger.card.architecture}, in shadow"

    def _read(self) -> None:
        while (given := self._waiting.get()) is not None and not self._ended.is_set():
            champion, faces, probabilities = given
            challenger = self._challenger
            if challenger is None:
                continue
            try:
                self._record(champion, probabilities, challenger, challenger.predict(faces))
            except Exception as error:  # the service answers on, whatever becomes of its shadow
                logger.error("the challenger reads no more until another one is there: %r", error)
                if self._challenger is challenger:
                    self._challenger = None

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
