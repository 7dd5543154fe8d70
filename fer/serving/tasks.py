"""Long work on videos: what is known of each task, in a folder that all workers of a service share.

BentoML has tasks of its own (``bentoml.task``), with these addresses and states. They keep the whole request in a
database on the disk for a day, and cannot be cancelled.
"""

import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

from fer.errors import UserError
from fer.files import write_text
from fer.schema import read_as
from fer.serving.problems import ApiError, overloaded

#: A service's private folder, where its supervisor has made one.
FOLDER = "FER_SERVICE_FOLDER"
#: How long the results of a task are kept after its end, in seconds; of how many tasks, and of how many bytes together.
KEPT_SECONDS, KEPT_TASKS, KEPT_BYTES = 3600, 256, 1_000_000_000
#: Seconds after which one asks again whether there is room for a video.
BUSY_SECONDS = 10


class Status(StrEnum):
    """BentoML's words (``ResultStatus``)."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class Task(BaseModel):
    """What ``/video/status`` says.

    Attributes:
        task_id: nobody can guess it.
        status: how it stands.
        created_at: ISO 8601, UTC.
        frames: read so far.
        seconds: of the video that they show.
        message: why it failed, or what is missing in its result.
        worker: the process that does it.
    """

    task_id: str
    status: Status
    created_at: str
    frames: int = 0
    seconds: float = 0.0
    message: str | None = None
    worker: int


class Tasks:
    """The tasks of a service.

    Args:
        most: unfinished ones at the same time.
        folder: that all workers share; by default in the supervisor's private folder.
    """

    def __init__(self, most: int, folder: Path | None = None) -> None:
        self._most = most
        private = os.environ.get(FOLDER) or os.environ.get("BENTOML_HOME") or tempfile.gettempdir()
        self._folder = folder or Path(private) / "fer-videos"

    def create(self) -> Task:
        """A task of this process; ApiError 503 where there are too many."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = self._all()
        self._sweep([task for task in known if task.status is not Status.IN_PROGRESS])
        if sum(task.status is Status.IN_PROGRESS for task in known) >= self._most:
            raise overloaded(BUSY_SECONDS)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        task = Task(task_id=secrets.token_hex(16), status=Status.IN_PROGRESS, created_at=now, worker=os.getpid())
        self.place(task).mkdir(mode=0o700)
        self.write(task)
        return task

    def find(self, task_id: str) -> Task:
        """A task as it stands; ApiError 404 where there is none."""
        missing = ApiError(404, "no_such_task", "there is no such task; its results are kept for an hour")
        if not (len(task_id) == 32 and task_id.isalnum() and task_id.isascii()):
            raise missing
        try:
            task = read_as(Task, self._folder / task_id / "task.json", "submit the video again")
        except UserError as error:
            raise missing from error
        if task.status is Status.IN_PROGRESS and not _lives(task.worker):
            task = task.model_copy(update={"status": Status.FAILED, "message": "its worker ended; submit it again"})
            self.write(task)
        if task.status is not Status.IN_PROGRESS and time.time() - self._ended(task) > KEPT_SECONDS:
            self.remove(task)
            raise missing
        return task

    def write(self, task: Task) -> None:
        """Tell all workers how a task stands."""
        with suppress(FileNotFoundError):  # swept meanwhile
            write_text(self.place(task) / "task.json", task.model_dump_json())

    def place(self, task: Task) -> Path:
        """The folder of a task's results."""
        return self._folder / task.task_id

    def cancel(self, task: Task) -> None:
        """Ask whoever works on a task to stop."""
        with suppress(FileNotFoundError):  # swept meanwhile
            (self.place(task) / "cancel").touch()

    def is_cancelled(self, task: Task) -> bool:
        """Whether somebody asked to stop."""
        return (self.place(task) / "cancel").exists()

    def remove(self, task: Task) -> None:
        """Forget a task."""
        shutil.rmtree(self.place(task), ignore_errors=True)

    def _all(self) -> list[Task]:
        found = []
        for path in self._folder.iterdir():
            with suppress(ApiError):
                found.append(self.find(path.name))
        return found

    def _ended(self, task: Task) -> float:
        """When a finished task ended, in seconds since 1970."""
        try:
            return (self.place(task) / "task.json").stat().st_mtime
        except OSError:  # another worker has removed it
            return 0.0

    def _sweep(self, finished: list[Task]) -> None:
        """Forget what is too much, but never the newest result: those without one first, then the oldest."""
        size = 0
        finished.sort(key=lambda task: (task.status is Status.COMPLETED, self._ended(task)), reverse=True)
        for number, task in enumerate(finished, 1):
            with suppress(OSError):
                size += sum(file.stat().st_size for file in self.place(task).iterdir())
            if number > 1 and (number > KEPT_TASKS or size > KEPT_BYTES):
                self.remove(task)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True
