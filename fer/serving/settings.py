"""What the service allows and where it listens: one typed object, set by environment variables ``FER_SERVE_...``."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fer.errors import UserError, did_you_mean
from fer.inference.classifier import Card

PREFIX = "FER_SERVE_"
#: Never shown.
SECRET = f"{PREFIX}API_KEY"

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """The service's limits. ``FER_SERVE_MAX_BYTES=5000000`` sets ``max_bytes``, and so on.

    Attributes:
        model: folder with ``model.onnx`` and ``card.json``; the model in the package by default.
        max_bytes: of one request with images.
        max_images: in one request.
        max_pixels: of one image, before a pixel is decoded.
        max_faces: that are read in one photo, the largest first, and boxes that a caller may give for it.
        max_video_bytes: of an uploaded video.
        max_video_seconds: of a video's own length.
        max_videos: waiting or running at the same time.
        max_memory_bytes: of all request bodies that are held at the same time, in one worker.
        max_connections: at the same time, in one worker.
        header_seconds: within which a connection must send its request's head, and after which an idle one is closed.
        body_seconds: within which a request's body must arrive.
        answer_seconds: within which a request is answered, from the end of its body.
        queue_seconds: the longest wait; a request that would wait longer is refused with 503 at once.
        workers: processes; by default one for every four cores.
        threads: of one worker that classify, each a batch of its own; by default the cores of one worker.
        api_key: that requests must carry as ``Authorization: Bearer ...`` or ``X-API-Key``; none is asked by default.
        cors_origins: origins whose pages may call the service, separated by commas; none by default.
        monitor: folder for records of predictions, without pixels; none are kept by default.
        shadow: folder of a challenger, whose answers are recorded beside the served model's; none by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    model: Path | None = None
    max_bytes: Count = 25_000_000
    max_images: Count = 128
    max_pixels: Count = 25_000_000
    max_faces: Count = 256
    max_video_bytes: Count = 200_000_000
    max_video_seconds: Seconds = 600
    max_videos: Count = 4
    max_memory_bytes: Count = 256_000_000
    max_connections: Count = 512
    header_seconds: Seconds = 10
    body_seconds: Seconds = 60
    answer_seconds: Seconds = 30
    queue_seconds: Seconds = 1
    workers: Count | None = None
    threads: Count | None = None
    api_key: Annotated[str, Field(min_length=1)] | None = None
    cors_origins: str = ""
    monitor: Path | None = None
    shadow: Path | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings that an environment makes.

        Raises:
            UserError: for a value that does not fit.
        """
        given = {
            name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)
        }
        known = {f"{PREFIX}{name}".upper(): name for name in cls.model_fields}
        for name in given:
            if name not in known.values():
                variable = f"{PREFIX}{name}".upper()
                raise UserError(f"{variable}: no setting of the service{did_you_mean(variable, known)}")
        try:
            return cls(**{name: value for name, value in given.items() if value})  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{PREFIX}{first['loc'][0]}".upper()
            got = "" if name == SECRET else f", got {first['input']!r:.60}"
            raise UserError(f"{name}: {first['msg'].lower()}{got}") from error

    def check_monitor(self) -> None:
        """UserError where nothing can be kept in the folder ``monitor``, or what is in that of ``shadow`` is no model.

        The folder itself may be missing, as promotion takes it away when nobody waits, but not the one that it is in.
        """
        if self.shadow:
            if self.monitor is None:
                raise UserError(f"{PREFIX}SHADOW: its records need a folder; set {PREFIX}MONITOR")
            if self.shadow.exists() or not self.shadow.absolute().parent.is_dir():
                Card.load(self.shadow)
        if self.monitor is None:
            return
        try:
            self.monitor.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.monitor):
                pass
        except OSError as error:
            where = f"{PREFIX}MONITOR: {self.monitor}"
            raise UserError(f"{where}: cannot be written ({error.strerror}); name another folder") from error

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of ``cors_origins``."""
        return tuple(part.strip() for part in self.cors_origins.split(",") if part.strip())

    @property
    def worker_count(self) -> int:
        """Processes: one feeds about four cores with decoded faces."""
        return self.workers or max(1, cores() // 4)

    @property
    def thread_count(self) -> int:
        """Threads of one worker that classify."""
        return self.threads or max(1, cores() // self.worker_count)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def service_settings() -> Settings:
    """The settings of this process."""
    return Settings.of()
