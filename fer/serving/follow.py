"""Another model in the folder that is served: taken up while the service runs."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from fer.errors import UserError
from fer.inference.classifier import CARD_FILE, MODEL_FILE

logger = logging.getLogger("fer.serving")

#: Seconds between two looks at the folder.
LOOK_SECONDS = 0.5

State = tuple[tuple[int, int, int], ...]
Model = TypeVar("Model")


def state_of(folder: Path) -> State | None:
    """What tells one model of a folder from another; None in the instant in which the folder is replaced."""
    try:
        found = [(folder / name).stat() for name in (CARD_FILE, MODEL_FILE)]
    except OSError:
        return None
    return tuple((file.st_ino, file.st_mtime_ns, file.st_size) for file in found)


class Follower(Generic[Model]):
    """Looks at a model folder in a thread, and puts each whole model to use that appears there.

    A model that is damaged, or does not fit its card, is logged in one line and left: the former one goes on.

    Args:
        folder: holds ``model.onnx`` and ``card.json``, and is replaced as a whole (``fer.files.replace_folder``).
        seen: its state before the present model was loaded from it.
        load: loads the folder's model, checked; raises UserError where it is none.
        take: puts it to use, and says in words what it is.
    """

    def __init__(
        self, folder: Path, seen: State | None, load: Callable[[Path], Model], take: Callable[[Model], str]
    ) -> None:
        self._folder = folder
        self._seen = seen
        self._load = load
        self._take = take
        self._ended = threading.Event()
        threading.Thread(target=self._follow, name=f"follow {folder.name}", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()

    def _follow(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            state = state_of(self._folder)
            if state is not None and state != self._seen and self._took(state):
                self._seen = state

    def _took(self, state: State) -> bool:
        """Whether the model is dealt with; False where it was replaced meanwhile.

        What was read then may be the card of one and the network of the other.
        """
        try:
            model = self._load(self._folder)
            if state_of(self._folder) != state:
                return False
            logger.warning("%s: now served: %s", self._folder, self._take(model))
        except Exception as error:  # whatever it is, the next model must be seen
            if state_of(self._folder) != state:
                return False
            reason = error if isinstance(error, UserError) else repr(error)
            logger.error("a new model is not taken up, the former one goes on: %s", reason)
        return True
